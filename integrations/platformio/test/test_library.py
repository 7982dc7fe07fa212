"""The parts of esparto_library.py that decide."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from platformio.package.manifest.parser import ManifestParserFactory  # noqa: E402
from platformio.package.manifest.schema import ManifestSchema  # noqa: E402

import esparto_library as library  # noqa: E402


class Targets(unittest.TestCase):
    def test_chips_have_their_cores_and_settings_come_first(self):
        self.assertEqual(library.target_for("esp32c3", ""), "riscv32imc-unknown-none-elf")
        self.assertEqual(library.target_for("esp32c6", ""), "riscv32imac-unknown-none-elf")
        self.assertEqual(library.target_for("esp32s3", ""), "xtensa-esp32s3-none-elf")
        self.assertEqual(library.target_for("fu540", "riscv32imc-x"), "riscv32imc-x")

    def test_an_unknown_chip_is_named_with_those_that_are_known(self):
        with self.assertRaisesRegex(library.Fault, "`atmega328p`(.|\n)*esp32c3(.|\n)*mend:"):
            library.target_for("atmega328p", "")

    def test_xtensa_is_built_by_espressifs_rust(self):
        words, mend = library.cargo_words("xtensa-esp32-none-elf", "out")
        self.assertEqual(words[:3], ["cargo", "+esp", "build"])
        self.assertIn("build-std=core", words)
        self.assertIn("espup", mend)
        words, mend = library.cargo_words("riscv32imc-unknown-none-elf", "out")
        self.assertEqual(words[:2], ["cargo", "build"])
        self.assertIn("rustup target add riscv32imc", mend)


class Places(unittest.TestCase):
    def test_in_the_sources_nothing_is_copied(self):
        layout = library.Layout(Path(__file__).resolve().parent.parent)
        self.assertFalse(layout.is_packed)
        self.assertTrue((layout.include / "esparto/esparto.h").is_file())
        names = {file.name for port in layout.ports for file in port.iterdir()}
        self.assertLessEqual({"riscv.c", "esparto_idf.c"}, names)
        self.assertIsNone(layout.prebuilt("riscv32imc-unknown-none-elf"))

    def test_a_package_has_all_or_says_what_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            (here / "include").mkdir()
            layout = library.Layout(here)
            self.assertTrue(layout.is_packed)
            with self.assertRaisesRegex(library.Fault, "is not there(.|\n)*mend: make the library"):
                layout.prebuilt("riscv32imc-x")
            archive = here / "lib" / "riscv32imc-x" / library.ARCHIVE
            archive.parent.mkdir(parents=True)
            archive.touch()
            self.assertEqual(layout.prebuilt("riscv32imc-x"), archive)


class Manifest(unittest.TestCase):
    def test_it_is_one_that_platformio_accepts(self):
        file = Path(__file__).resolve().parent.parent / "library.json"
        manifest = ManifestParserFactory.new_from_file(str(file)).as_dict()
        # It would ask the network which licences there are.
        self.assertEqual(manifest.pop("license"), "MIT OR Apache-2.0")
        self.assertEqual(ManifestSchema().load_manifest(manifest)["name"], "Esparto")


if __name__ == "__main__":
    unittest.main()
