"""How a program for the emulated board is compiled and linked, and how its card is made."""

import os
import subprocess

from SCons.Script import COMMAND_LINE_TARGETS, AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
folder = env.PioPlatform().get_dir()
board = os.path.join(folder, "board")
machine = ["-march=rv32imc", "-mabi=ilp32"]
prefix = "riscv64-unknown-elf-"

env.Replace(
    CC=prefix + "gcc",
    CXX=prefix + "g++",
    AS=prefix + "gcc",
    AR=prefix + "gcc-ar",
    RANLIB=prefix + "gcc-ranlib",
    OBJCOPY=prefix + "objcopy",
    SIZETOOL=prefix + "size",
    LINK="$CC",
    ARFLAGS=["rc"],
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
    SIZEPROGREGEXP=r"^(?:\.text|\.rodata|\.data|\.init_array)\s+(\d+).*",
    SIZEDATAREGEXP=r"^(?:\.data|\.bss)\s+(\d+).*",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
)
env.Append(
    ASPPFLAGS=machine + ["-x", "assembler-with-cpp"],
    CCFLAGS=machine + ["--specs=picolibc.specs", "-Os", "-g", "-ffunction-sections", "-fdata-sections"],
    CXXFLAGS=["-fno-exceptions", "-fno-rtti", "-fno-use-cxa-atexit", "-fno-threadsafe-statics"],
    CPPPATH=[board],
    LINKFLAGS=machine + ["--specs=picolibc.specs", "-nostartfiles", "-Wl,--gc-sections"],
    LIBS=["c", "gcc"],
)
env.Replace(LDSCRIPT_PATH=os.path.join(folder, "ldscripts", "card.ld"))
env.BuildSources(os.path.join("$BUILD_DIR", "board"), board)


def card(target, source, env):  # pylint: disable=redefined-outer-name
    """An image of an SD card with what is in the data folder."""
    data = str(source[0])
    files = [os.path.join(data, name) for name in sorted(os.listdir(data))]
    words = [os.environ["ESPARTO_XTASK"], "card", str(target[0])] + files
    return subprocess.run(words, check=False).returncode


if "nobuild" in COMMAND_LINE_TARGETS:
    program = os.path.join("$BUILD_DIR", "firmware.elf")
    binary = os.path.join("$BUILD_DIR", "firmware.bin")
else:
    program = env.BuildProgram()
    binary = env.Command(
        os.path.join("$BUILD_DIR", "firmware.bin"),
        program,
        env.VerboseAction("$OBJCOPY -O binary $SOURCE $TARGET", "Building $TARGET"),
    )
image = env.Command(
    os.path.join("$BUILD_DIR", "card.img"),
    "$PROJECT_DATA_DIR",
    env.VerboseAction(card, "Building $TARGET"),
)
AlwaysBuild(image)
AlwaysBuild(env.Alias("nobuild", binary))
env.AddPlatformTarget("buildfs", image, image, "Build the card's image")
env.AddPlatformTarget(
    "size", program, env.VerboseAction("$SIZEPRINTCMD", "Calculating size $SOURCE"), "Size"
)
Default([binary])
