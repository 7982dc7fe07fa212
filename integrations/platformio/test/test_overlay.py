"""The parts of esparto_overlay.py that decide, on paths of every kind of machine."""

import json
import sys
import tempfile
import unittest
from pathlib import Path, PurePosixPath, PureWindowsPath

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import esparto_overlay as overlay  # noqa: E402


def options(**given):
    """platformio.ini with these options of ours."""
    return lambda name: given.get(name, "")


def windows(**given):
    """A project of Windows, with blanks and a comma in its path."""
    project = r"C:\Users\Ana Maria\My, project"
    build = project + r"\.pio\build\esp32c3"
    data = project + r"\data"
    elf = build + r"\firmware.elf"
    return overlay.Plan(options(**given), project, data, build, elf, PureWindowsPath)


class Places(unittest.TestCase):
    def test_windows_paths_stay_whole(self):
        plan = windows(libs="fft shapes")
        words = plan.inputs_words(r"C:\tools\esparto.exe")
        self.assertEqual(
            words,
            [
                r"C:\tools\esparto.exe",
                "overlay",
                "inputs",
                "--config",
                r"C:\Users\Ana Maria\My, project\esparto.toml",
            ],
        )
        words = plan.pack_words("esparto")
        self.assertEqual(words[3], r"C:\Users\Ana Maria\My, project\.pio\build\esp32c3\firmware.whole.elf")
        self.assertEqual(words[-1], r"C:\Users\Ana Maria\My, project\.pio\build\esp32c3\firmware.elf")
        self.assertEqual(words[words.index("--out") + 1], r"C:\Users\Ana Maria\My, project\data")

    def test_options_move_things(self):
        plan = windows(config="boards/c3.toml", out=r"E:\card", libs="fft,\n  shapes")
        self.assertEqual(plan.config, PureWindowsPath(r"C:\Users\Ana Maria\My, project\boards\c3.toml"))
        self.assertEqual(plan.out, PureWindowsPath(r"E:\card"))
        self.assertEqual(plan.libs, ["fft", "shapes"])
        self.assertFalse(plan.makes_data)

    def test_what_lies_in_the_data_folder_belongs_to_the_image(self):
        for out, expected in [("", True), ("data", True), ("data/code", True), ("card", False), ("dat", False)]:
            plan = overlay.Plan(
                options(out=out), "/p", "/p/data", "/p/.pio/build/a", "/p/.pio/build/a/a.elf", PurePosixPath
            )
            self.assertEqual(plan.makes_data, expected, out)


class Libraries(unittest.TestCase):
    ARCHIVES = [
        (r".pio\build\a\lib1\libfft.a", 1),
        (r".pio\build\a\lib2\libEsparto.a", 2),
        (r".pio\build\a\lib3\lib.a", 3),
        (r".pio\build\a\lib4\shapes.a", 4),
    ]

    def test_named_ones_leave_the_program(self):
        taken, kept = overlay.divide(self.ARCHIVES, ["fft", "shapes"], PureWindowsPath)
        self.assertEqual((taken, kept), ({"fft": 1, "shapes": 4}, [2, 3]))
        self.assertEqual(overlay.divide(self.ARCHIVES, [], PureWindowsPath), ({}, [1, 2, 3, 4]))

    def test_one_that_is_not_there_is_named_with_those_that_are(self):
        with self.assertRaises(overlay.Fault) as raised:
            overlay.divide(self.ARCHIVES, ["fft", "sound"], PureWindowsPath)
        for part in ["called sound", "Esparto, ", "fft", "mend:"]:
            self.assertIn(part, str(raised.exception))


class Tool(unittest.TestCase):
    def test_it_is_found_in_the_settings_then_the_environment_then_the_path(self):
        def which(name):
            return "/found/" + name

        here = {"ESPARTO_TOOL": "mine"}
        self.assertEqual(overlay.find_tool(options(tool="told"), here, which), "/found/told")
        self.assertEqual(overlay.find_tool(options(), here, which), "/found/mine")
        self.assertEqual(overlay.find_tool(options(), {}, which), "/found/esparto")

    def test_without_it_the_mend_is_said(self):
        with self.assertRaisesRegex(overlay.Fault, "`esparto` is not here(.|\n)*mend: `cargo install"):
            overlay.find_tool(options(), {}, lambda name: None)


class Steps(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        self.plan = overlay.Plan(
            options(), self.root, self.root / "data", self.root / "build", self.root / "build/a.elf"
        )

    def tool(self, *lines):
        """A host tool that does these lines of Python; `words` are its arguments."""
        script = self.root / "tool.py"
        script.write_text("import sys\nwords = sys.argv[1:]\n" + "\n".join(lines), encoding="utf-8")
        # The plan gives the words, the interpreter stands in front of them.
        for name in ["inputs_words", "pack_words"]:
            words = getattr(self.plan, name)
            setattr(self.plan, name, lambda tool, words=words: [sys.executable, str(script)] + words(tool)[1:])
        return sys.executable

    def packing(self, *names):
        """One that packs overlays of these names."""
        files = [[{"name": name + "_e"}, {"name": name + "_d"}] for name in names]
        manifest = json.dumps({"overlays": [{"files": pair} for pair in files]})
        return self.tool(
            "from pathlib import Path",
            "out = Path(words[words.index('--out') + 1]); out.mkdir(exist_ok=True)",
            "Path(words[words.index('--flash') + 1]).write_text('flashed')",
            "for name in {!r}: (out / (name + '_e')).write_text('e'); (out / (name + '_d')).write_text('d')".format(names),
            "(out / 'manifest.json').write_text({!r})".format(manifest),
        )

    def link_program(self):
        self.plan.work.mkdir(parents=True, exist_ok=True)
        self.plan.elf.write_text("linked", encoding="utf-8")

    def test_packing_keeps_the_whole_program_and_drops_what_is_no_overlay_any_more(self):
        for names in [("fft", "shapes"), ("fft",)]:
            self.link_program()
            overlay.pack(self.plan, self.packing(*names))
            self.assertEqual(self.plan.elf.read_text(encoding="utf-8"), "flashed")
            self.assertEqual(self.plan.whole.read_text(encoding="utf-8"), "linked")
            (self.plan.out / "mine.txt").touch()
            self.assertTrue(overlay.is_whole(self.plan))
        left = sorted(file.name for file in self.plan.out.iterdir())
        self.assertEqual(left, ["fft_d", "fft_e", "manifest.json", "mine.txt"])

    def test_a_tool_that_fails_stops_the_build_and_leaves_no_program(self):
        self.link_program()
        with self.assertRaisesRegex(overlay.Fault, "overlay pack .* ended with 3"):
            overlay.pack(self.plan, self.tool("sys.exit(3)"))
        self.assertFalse(self.plan.elf.exists())
        self.assertFalse(overlay.is_whole(self.plan))

    def test_a_seal_changes_with_whatever_is_linked_or_packed(self):
        tool = self.tool(
            "print(words[words.index('--config') + 1])",
            "print({!r})".format(str(self.root / "a.o")),
        )
        (self.root / "a.o").write_text("an object", encoding="utf-8")
        self.plan.config.write_text("chip", encoding="utf-8")
        seals = set()

        def seal():
            overlay.prepare(self.plan, tool)
            seals.add(self.plan.seal.read_text(encoding="utf-8"))
            return len(seals)

        self.assertEqual((seal(), seal()), (1, 1))
        self.plan.config.write_text("another", encoding="utf-8")
        self.assertEqual((seal(), seal()), (2, 2))
        (self.root / "a.o").write_text("another", encoding="utf-8")
        self.assertEqual((seal(), seal()), (3, 3))
        # A program whose files are gone is linked again, once each time.
        self.plan.elf.write_text("linked", encoding="utf-8")
        self.assertEqual(seal(), 4)
        overlay.pack(self.plan, self.packing("fft"))
        self.plan.inputs_words = lambda tool: [
            sys.executable,
            "-c",
            "print({!r}); print({!r})".format(str(self.plan.config), str(self.root / "a.o")),
        ]
        self.assertEqual((seal(), seal()), (4, 4))
        (self.plan.out / "fft_e").unlink()
        self.assertEqual(seal(), 5)

    def test_a_cut_note_of_ours_is_no_note(self):
        self.link_program()
        self.plan.packed.write_text('{"fft_e": ', encoding="utf-8")
        self.assertFalse(overlay.is_whole(self.plan))


if __name__ == "__main__":
    unittest.main()
