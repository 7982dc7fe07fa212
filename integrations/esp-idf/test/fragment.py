"""The linker fragment: read by the grammar that ESP-IDF documents, and held to the library it speaks of.

ESP-IDF's own generator is no package; this is what its documentation says, for the parts that are used.
"""

import os
import subprocess
import unittest
from pathlib import Path

import kconfiglib
import pyparsing as pp

COMPONENT = Path(__file__).resolve().parent.parent

# The schemes that ESP-IDF brings for every chip, and which sections each of them moves.
SCHEMES = {
    "default": {"text", "rodata", "data", "bss", "common", "wifi_iram"},
    "rtc": {"text", "rodata", "data", "bss", "common"},
    "noflash": {"text", "rodata"},
    "noflash_data": {"rodata"},
    "noflash_text": {"text"},
}
# The sections of each kind: a name, and all that begin with it and a dot.
SECTIONS = {
    "text": [".text", ".literal"],
    "rodata": [".rodata", ".srodata", ".sdata2"],
    "data": [".data", ".sdata"],
    "bss": [".bss", ".sbss"],
    "common": ["COMMON"],
}


def grammar():
    """Fragments of the kind `mapping`."""
    word = pp.Word(pp.alphas + "_", pp.alphanums + "_")
    number = pp.Regex(r"0x[0-9A-Fa-f]+|\d+")
    file = pp.Word(pp.alphanums + "_-.+")
    value = pp.Keyword("y") | pp.Keyword("n") | number | pp.QuotedString('"')
    operator = pp.one_of("= != < <= > >=")
    term = pp.Group(word("setting") + pp.Optional(operator + value))
    condition = pp.infix_notation(
        term,
        [("!", 1, pp.OpAssoc.RIGHT), ("&&", 2, pp.OpAssoc.LEFT), ("||", 2, pp.OpAssoc.LEFT)],
    )
    # `*`, an object, or an object and a symbol of it; and the scheme that they go by.
    target = pp.Group(pp.Literal("*") | (file + pp.Optional(pp.Suppress(":") + word)))
    entry = pp.Group(target("target") + pp.Suppress("(") + word("scheme") + pp.Suppress(")"))
    # A block is what is indented deeper than the line that it belongs to.
    block = pp.Forward()
    branches = (
        pp.Group(pp.Keyword("if") + condition + pp.Suppress(":") + block)
        + pp.ZeroOrMore(pp.Group(pp.Keyword("elif") + condition + pp.Suppress(":") + block))
        + pp.Optional(pp.Group(pp.Keyword("else") + pp.Suppress(":") + block))
    )
    block <<= pp.IndentedBlock(pp.Group(branches)("choice*") | entry("entry*"), grouped=True)
    fragment = pp.Group(
        pp.Suppress("[mapping:")
        + word("name")
        + pp.Suppress("]")
        + pp.Suppress("archive:")
        + (pp.Literal("*") | file)("archive")
        + pp.Suppress("entries:")
        + block("entries")
    )
    return pp.OneOrMore(fragment).ignore(pp.python_style_comment)


def parsed(text):
    return grammar().parse_string(text, parse_all=True)


def found(tree, key):
    """All results of a name, however deep."""
    if not isinstance(tree, pp.ParseResults):
        return []
    here = [tree[key]] if key in tree and isinstance(tree[key], str) else []
    return here + [one for child in tree for one in found(child, key)]


class Fragment(unittest.TestCase):
    text = (COMPONENT / "linker.lf").read_text()

    def test_it_is_what_the_grammar_says(self):
        fragments = parsed(self.text)
        archives = [fragment["archive"] for fragment in fragments]
        # No archive is mapped twice: the generator refuses that.
        self.assertEqual(len(set(archives)), len(archives))
        names = [fragment["name"] for fragment in fragments]
        self.assertEqual(len(set(names)), len(names))
        for fragment in fragments:
            # Both branches say where everything goes.
            self.assertEqual(sorted(found(fragment, "scheme")), ["default", "noflash"])
            for scheme in found(fragment, "scheme"):
                self.assertIn(scheme, SCHEMES)

    def test_the_settings_that_it_asks_for_are_there(self):
        os.environ["COMPONENT_KCONFIG"] = str(COMPONENT / "Kconfig")
        settings = kconfiglib.Kconfig(str(COMPONENT / "test/Kconfig"))
        asked = found(parsed(self.text), "setting")
        self.assertTrue(asked)
        for name in asked:
            self.assertIn(name, settings.syms)
            self.assertTrue(settings.syms[name].nodes, name)

    def test_the_archives_are_those_of_the_build(self):
        archives = {fragment["archive"] for fragment in parsed(self.text)}
        library = Path(os.environ["ESPARTO_LIBRARY"])
        self.assertTrue(library.is_file(), library)
        # The library that Cargo makes; the component's, in place and as a copy of its own name.
        expected = {library.name, f"lib{COMPONENT.name}.a", "libesparto.a"}
        self.assertEqual(archives, expected)
        self.assertIn(library.name, (COMPONENT / "CMakeLists.txt").read_text())

    def test_the_schemes_reach_every_section_of_the_library(self):
        listed = subprocess.run(
            [os.environ["OBJDUMP"], "-h", os.environ["ESPARTO_LIBRARY"]],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        known = [name for kind in SCHEMES["default"] for name in SECTIONS.get(kind, [])]
        seen = set()
        for row, flags in zip(listed, listed[1:]):
            columns = row.split()
            if "ALLOC" not in flags or len(columns) != 7 or int(columns[2], 16) == 0:
                continue
            name = columns[1]
            if name == ".eh_frame":
                continue
            kind = [one for one in known if name == one or name.startswith(one + ".")]
            self.assertTrue(kind, f"no scheme says where {name} goes")
            seen.update(kind)
        # With the cache off neither code nor constants may be in flash.
        moved = [name for kind in SCHEMES["noflash"] for name in SECTIONS[kind]]
        for name in [".text", ".rodata"]:
            self.assertIn(name, seen)
            self.assertIn(name, moved)

    def test_what_is_no_fragment_is_refused(self):
        for good, bad in [
            ("[mapping:esparto]", "[mapping:esparto"),
            ("archive: libesparto_c.a", "archive libesparto_c.a"),
            ("(noflash)", "noflash"),
            ("if ESPARTO_IN_IRAM = y:", "if ESPARTO_IN_IRAM = y"),
            ("if ESPARTO_IN_IRAM = y:", "if ESPARTO_IN_IRAM = :"),
            ("    else:", "    elsewhere:"),
            ("* (noflash)", "(noflash)"),
            ("entries:", "entry:"),
        ]:
            self.assertIn(good, self.text)
            with self.assertRaises(pp.ParseBaseException, msg=bad):
                parsed(self.text.replace(good, bad, 1))


if __name__ == "__main__":
    unittest.main()
