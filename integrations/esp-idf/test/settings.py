"""The settings, read by the parsers that versions of ESP-IDF use."""

import os
import unittest
from pathlib import Path

import esp_kconfiglib.core as newer
import kconfiglib as older

HERE = Path(__file__).resolve().parent

# Name, default, least and most; None for what is no number.
POOLS = {
    "SMALL": (64, 100),
    "MEDIUM": (256, 50),
    "LARGE": (1024, 20),
    "XLARGE": (4096, 10),
}
SETTINGS = {
    "ESPARTO_REGIONS_FROM_HEAP": ("y", None, None),
    "ESPARTO_INTERNAL_BYTES": ("131072", 4096, 524288),
    "ESPARTO_EXTERNAL_BYTES": ("1048576", 0, 33554432),
    "ESPARTO_RESERVE_INTERNAL_BYTES": ("32768", 0, 262144),
    "ESPARTO_ALWAYS_INTERNAL_BYTES": ("16384", 0, 1048576),
    "ESPARTO_OVERLAY_BYTES": ("0", 0, 262144),
    "ESPARTO_OVERLAY_ADDR": ("0x3FCB0000", 0x3FC00000, 0x4FFFFFFF),
    "ESPARTO_IN_IRAM": ("n", None, None),
    "ESPARTO_TRACE_HEAP": ("n", None, None),
}
for pool, (size, count) in POOLS.items():
    prefix = "SYSTEM_SERVICE_MEMORY_POOL_" + pool
    SETTINGS[prefix + "_SIZE"] = (str(size), 4, 65536)
    SETTINGS[prefix + "_COUNT"] = (str(count), 0, 65534)


class Settings(unittest.TestCase):
    def each(self):
        os.environ["COMPONENT_KCONFIG"] = str(HERE.parent / "Kconfig")
        for parser in [older, newer]:
            with self.subTest(parser.__name__):
                settings = parser.Kconfig(str(HERE / "Kconfig"))
                self.assertEqual(settings.warnings, [])
                yield parser, settings

    def test_each_has_its_default_its_range_and_words_for_people(self):
        for _, settings in self.each():
            for name in ["SPIRAM", "HEAP_USE_HOOKS"]:
                settings.syms[name].set_value(2)
            settings.syms["ESPARTO_OVERLAY_BYTES"].set_value("4096")
            self.assertNotEqual(settings.syms["ESPARTO_OVERLAY_ADDR"].visibility, 0)
            settings.syms["ESPARTO_OVERLAY_BYTES"].unset_value()
            own = {
                name
                for name, symbol in settings.syms.items()
                if symbol.nodes and name.startswith(("ESPARTO_", "SYSTEM_SERVICE_"))
            }
            self.assertEqual(own, set(SETTINGS))
            for name, (default, least, most) in SETTINGS.items():
                symbol = settings.syms[name]
                self.assertEqual(symbol.str_value, default, name)
                self.assertTrue(symbol.nodes[0].prompt, name)
                if least is None:
                    continue
                (low, high, _), = symbol.ranges
                self.assertEqual((int(low.str_value, 0), int(high.str_value, 0)), (least, most), name)
                for value in [least, most]:
                    text = hex(value) if default.startswith("0x") else str(value)
                    symbol.set_value(text)
                    self.assertEqual(symbol.str_value, text, name)

    def test_what_depends_on_psram_is_not_there_without(self):
        for _, settings in self.each():
            self.assertEqual(settings.syms["ESPARTO_EXTERNAL_BYTES"].visibility, 0)
            self.assertEqual(settings.syms["ESPARTO_TRACE_HEAP"].visibility, 0)
            settings.syms["SPIRAM"].set_value(2)
            self.assertEqual(settings.syms["ESPARTO_EXTERNAL_BYTES"].visibility, 2)
            settings.syms["ESPARTO_REGIONS_FROM_HEAP"].set_value(0)
            self.assertEqual(settings.syms["ESPARTO_EXTERNAL_BYTES"].visibility, 0)
            self.assertEqual(settings.syms["ESPARTO_INTERNAL_BYTES"].visibility, 0)

    def test_the_menu_says_what_settings_of_psram_really_do(self):
        for parser, settings in self.each():

            def shown(parser=parser, settings=settings):
                comments = [node for node in settings.node_iter() if node.item == parser.COMMENT]
                return " ".join(
                    node.prompt[0] for node in comments if parser.expr_value(node.dep)
                )

            self.assertNotIn("malloc never returns it", shown())
            settings.syms["SPIRAM"].set_value(2)
            self.assertIn("APP_DATA_ATTR does nothing", shown())
            settings.syms["SPIRAM_USE_CAPS_ALLOC"].set_value(2)
            self.assertIn("malloc never returns it", shown())
            settings.syms["SPIRAM_USE_MALLOC"].set_value(2)
            self.assertIn("is a threshold of malloc; the reserve is", shown())
            settings.syms["SPIRAM_ALLOW_BSS_SEG_EXTERNAL_MEMORY"].set_value(2)
            self.assertNotIn("APP_DATA_ATTR does nothing", shown())


if __name__ == "__main__":
    unittest.main()
