//! The tests that build firmware and run it, and what takes long without optimisation, in one program:
//! linked once.

mod card;
mod damage;
mod desk;
mod every_heap;
mod examples;
mod firmware_dir;
mod gdb;
mod map;
mod marked;
mod overlay;
mod overlays_on_core;
mod planted;
mod planted_programs;
mod signed;
mod sim_damage;
mod traces;
mod windowed;
