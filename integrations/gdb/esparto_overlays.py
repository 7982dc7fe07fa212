"""Tells gdb which overlays are in their slots, so that breakpoints and backtraces know their code.

    (gdb) source integrations/gdb/esparto_overlays.py

gdb's own `overlay auto` reads the table on a few cores only, and neither on RISC-V nor on Xtensa.
This reads it whenever the loader says that it changed. The firmware needs `gdb = true` in
`esparto.toml`, and gdb the ELF file that the overlays were packed from (not the stripped one).
"""

import gdb

# An entry: where the code runs, how long it is, where the ELF file has it, whether it is mapped.
ENTRY_WORDS = 4


def address_of(symbol):
    """The address of a symbol, whatever language the program stands in."""
    command = "with language c -- output/x (unsigned long) &" + symbol
    return int(gdb.execute(command, to_string=True), 16)


def words(address, count):
    """Words of the firmware's memory."""
    memory = gdb.selected_inferior().read_memory(address, 4 * count).tobytes()
    return [int.from_bytes(memory[at : at + 4], "little") for at in range(0, 4 * count, 4)]


def mapped():
    """Whether each overlay is in its slot, by number."""
    count = words(COUNT, 1)[0]
    table = words(TABLE, ENTRY_WORDS * count)
    return [table[ENTRY_WORDS * number + 3] != 0 for number in range(count)]


def tell(verb, number):
    """Maps or unmaps an overlay for gdb."""
    try:
        gdb.execute("overlay %s-overlay .ovl%d_e" % (verb, number), to_string=True)
    except gdb.error:
        # It is as it should be: what is mapped over another one has unmapped that already.
        pass


class Overlays:
    """What gdb was told."""

    def __init__(self):
        self.known = []

    def changed(self):
        """Tells gdb what came and went since the last time."""
        now = mapped()
        before = self.known + [False] * (len(now) - len(self.known))
        # What goes is said first: what comes takes its place.
        for is_there in (False, True):
            for number, (old, new) in enumerate(zip(before, now)):
                if old != new and new == is_there:
                    tell("map" if new else "unmap", number)
        self.known = now


TABLE = address_of("_ovly_table")
COUNT = address_of("_novlys")
esparto_overlays = Overlays()
gdb.execute("overlay auto")
# Where the loader comes by after every change; gdb goes on from there by itself.
event = gdb.Breakpoint("*" + hex(address_of("_ovly_debug_event")), internal=True)
event.silent = True
event.commands = "python esparto_overlays.changed()\ncontinue"
