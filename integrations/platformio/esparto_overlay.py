"""Overlays in a PlatformIO build.

An extra script that calls the host tool `esparto`, and does nothing by itself:

    [env:esp32c3]
    extra_scripts = post:esparto_overlay.py
    custom_esparto_libs = fft shapes        ; libraries that leave the program
    ;custom_esparto_config = esparto.toml   ; what becomes an overlay, and where it goes
    ;custom_esparto_out = data              ; the folder for the files: data_dir, or that of a card
    ;custom_esparto_tool = esparto          ; the host tool

Before each link it copies the archives of those libraries to BUILD_DIR/overlays, where
esparto.toml finds them. The link itself is run by `esparto overlay wrap`, which also takes out what the
source marks with ESPARTO_OVERLAY. After each link `esparto overlay pack` writes the files:
firmware.elf is then what is flashed, firmware.whole.elf has everything for gdb.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

NO_TOOL = """\
the host tool `{name}` is not here, and without it there are no overlays.
  mend: `cargo install --locked --path crates/esparto-cli` in Esparto's folder, or give its place as
  `custom_esparto_tool` in platformio.ini or in the environment as ESPARTO_TOOL"""

NO_LIBRARY = """\
no library of this environment is called {missing}; there are: {known}.
  mend: correct `custom_esparto_libs` in platformio.ini; a library counts that the program includes
  or that `lib_deps` names, and that is built as an archive"""


NO_LINK = """\
the platform of this environment links by a command that is no text: {command!r}.
  mend: use a platform whose LINKCOM is one, or take the steps of docs/overlays.md by hand"""


class Fault(Exception):
    """What stops the build: what is wrong, and the mend."""


class Plan:
    """Where everything is in one environment of a project."""

    def __init__(self, option, project, data, build, program, path=Path):
        """`option(name)` reads platformio.ini; `program` is the linked file; `path` makes paths."""
        project = path(project)
        self.config = project / (option("config") or "esparto.toml")
        self.out = project / (option("out") or data)
        self.libs = re.split(r"[\s,]+", option("libs").strip()) if option("libs") else []
        self.work = path(build) / "overlays"
        self.seal = self.work / "seal.json"
        self.packed = self.work / "packed.json"
        self.elf = path(program)
        self.whole = self.elf.with_name(self.elf.stem + ".whole" + self.elf.suffix)
        self.makes_data = path(data) in [self.out, *self.out.parents]

    def inputs_words(self, tool):
        """The command before the link: is esparto.toml right, and which files does it name?"""
        return [tool, "overlay", "inputs", "--config", str(self.config)]

    def pack_words(self, tool):
        """The command after it."""
        words = [tool, "overlay", "pack", str(self.whole), "--config", str(self.config)]
        return words + ["--out", str(self.out), "--flash", str(self.elf)]


def tool_name(option, environment):
    """What the host tool is called: as told in platformio.ini, or in the environment."""
    return option("tool") or environment.get("ESPARTO_TOOL") or "esparto"


def find_tool(option, environment, which=shutil.which):
    """Where it is."""
    name = tool_name(option, environment)
    found = which(name)
    if not found:
        raise Fault(NO_TOOL.format(name=name))
    return found


def divide(archives, names, path=Path):
    """Splits archives (path, anything) into those of the libraries `names`, and the others."""
    taken, kept, known = {}, [], []
    for archive, item in archives:
        name = path(archive).stem
        name = name[3:] if name.startswith("lib") else name
        known.append(name)
        if name in names:
            taken[name] = item
        else:
            kept.append(item)
    missing = [name for name in names if name not in taken]
    if missing:
        known = ", ".join(sorted(known)) or "none"
        raise Fault(NO_LIBRARY.format(missing=", ".join(missing), known=known))
    return taken, kept


def sum_of(file):
    """The SHA-256 of a file's bytes, or None if it cannot be read."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return None


def seal_of(plan, tool, files):
    """Everything that decides what is linked and packed, and that SCons does not see. When it changes,
    both happen anew; so they do when a file is gone, or another, that was packed with the program that
    is here."""
    lost = read_json(plan.seal).get("lost", 0)
    if plan.elf.is_file() and not is_whole(plan):
        lost += 1
    seen = os.stat(tool)
    return {
        "files": {str(file): sum_of(file) for file in files},
        "tool": [tool, seen.st_size, seen.st_mtime_ns],
        "out": str(plan.out),
        "lost": lost,
    }


def read_json(file):
    """What is in a file of ours; nothing if it is not there or was cut."""
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def is_whole(plan):
    """Are the files that were packed last still there as they were packed?"""
    packed = read_json(plan.packed)
    if not packed:
        return False
    return all(sum_of(plan.out / name) == known for name, known in packed.items())


def run(words):
    """Runs the host tool and returns its lines; what it complains of is shown as it says it."""
    sys.stdout.flush()
    done = subprocess.run(
        words, check=False, stdout=subprocess.PIPE, encoding="utf-8", errors="surrogateescape"
    )
    if done.returncode:
        raise Fault("`{}` ended with {}".format(" ".join(words), done.returncode))
    return done.stdout.splitlines()


def prepare(plan, tool):
    """Has esparto.toml read, and notes what decides about the link."""
    plan.work.mkdir(parents=True, exist_ok=True)
    files = run(plan.inputs_words(tool))
    seal = json.dumps(seal_of(plan, tool, files), indent=1, sort_keys=True)
    plan.seal.write_text(seal, encoding="utf-8")


def packed_names(plan):
    """The overlays' files that the folder's manifest names."""
    overlays = read_json(plan.out / "manifest.json").get("overlays", [])
    return [file["name"] for overlay in overlays for file in overlay["files"]]


def pack(plan, tool):
    """Takes the overlays out of the linked program, which becomes what is flashed."""
    os.replace(plan.elf, plan.whole)
    before = packed_names(plan)
    print("\n".join(run(plan.pack_words(tool))))
    names = packed_names(plan)
    # What is no overlay any more would be stored for nothing.
    for name in set(before) - set(names):
        (plan.out / name).unlink(missing_ok=True)
    packed = {name: sum_of(plan.out / name) for name in [*names, "manifest.json"]}
    plan.packed.write_text(json.dumps(packed, indent=1, sort_keys=True), encoding="utf-8")


def option_of(env):
    """Reads an option of ours of the environment that is built."""
    return lambda name: env.GetProjectOption("custom_esparto_" + name, "")


def step(env, work):
    """Does one of the two steps; what SCons wants to know is whether it failed."""
    try:
        work(env["ESPARTO_PLAN"], find_tool(option_of(env), os.environ))
    except Fault as fault:
        sys.stderr.write("Esparto: {}\n".format(fault))
        return 1
    return 0


# SCons builds again when an action changes, and takes what a closure holds as part of it: these
# hold nothing.
def on_link(target, source, env):  # pylint: disable=unused-argument
    """Before the link."""
    return step(env, prepare)


def on_program(target, source, env):  # pylint: disable=unused-argument
    """After it."""
    return step(env, pack)


def wrap(env, plan):
    """Has the tool run the link, whatever it is."""
    command = env.get("LINKCOM")
    if not isinstance(command, str):
        raise Fault(NO_LINK.format(command=command))
    # Without the tool the step before has failed.
    tool = shutil.which(tool_name(option_of(env), os.environ)) or "esparto"
    # As files, so that SCons quotes whatever is in their names; in full, since it would look for them
    # from the folder of this script.
    words = [env.File(os.path.abspath(tool)), "overlay", "wrap", "--config", env.File(str(plan.config)), "--"]
    env.Replace(ESPARTO_WRAP=words, LINKCOM="$ESPARTO_WRAP " + command)


def attach(env, targets):
    """Hangs both steps into the build that PlatformIO has laid out."""
    program = env.get("PIOMAINPROG")
    # Nothing is built for an editor's sake, nor by `nobuild`; and a script that is named twice has
    # one effect.
    if not program or env.IsIntegrationDump() or "ESPARTO_PLAN" in env:
        return

    project = env.subst("$PROJECT_DIR")
    data = env.subst("$PROJECT_DATA_DIR")
    plan = Plan(option_of(env), project, data, env.subst("$BUILD_DIR"), env.subst("$PROGPATH"))

    env["ESPARTO_PLAN"] = plan
    archives = [env.File(lib) for lib in env.Flatten(env.get("LIBS", [])) if not isinstance(lib, str)]
    names = [lib for lib in env.Flatten(env.get("LIBS", [])) if isinstance(lib, str)]
    try:
        taken, kept = divide([(str(node), node) for node in archives], plan.libs)
        wrap(env, plan)
    except Fault as fault:
        sys.stderr.write("Esparto: {}\n".format(fault))
        env.Exit(1)
    env.Replace(LIBS=kept + names)
    staged = [
        env.Command(str(plan.work / node.name), node, env.VerboseAction(copy, "Taking $SOURCE"))
        for node in taken.values()
    ]

    # Its files are named in esparto.toml, where SCons does not look: the tool looks each time, and
    # the seal says whether anything changed.
    prepared = env.Command(str(plan.seal), staged, env.VerboseAction(on_link, "Preparing overlays"))
    env.AlwaysBuild(prepared)
    env.Precious(prepared)
    env.Depends(program, prepared)
    env.AddPostAction(program, env.VerboseAction(on_program, "Packing overlays"))

    # What is to be stored has to be made before.
    if plan.makes_data:
        for image in {"buildfs", "uploadfs", "uploadfsota"} & set(targets):
            # Where that cannot be, the tool says so.
            with contextlib.suppress(OSError):
                plan.out.mkdir(parents=True, exist_ok=True)
            for alias in env.Alias(image):
                for node in alias.sources:
                    env.Depends(node, program)


def copy(target, source, env):  # pylint: disable=unused-argument
    """Copies an archive to where esparto.toml finds it."""
    shutil.copyfile(str(source[0]), str(target[0]))
    return 0


if "Import" in globals():  # SCons runs this file; the tests import it
    Import("env")  # pylint: disable=undefined-variable
    attach(env, COMMAND_LINE_TARGETS)  # pylint: disable=undefined-variable
