# SPDX-License-Identifier: Apache-2.0
"""Shows that each check can fail: a tree that is right passes, and one mistake is told by file and line."""
import pathlib
import tempfile
import unittest

import check_docs
import check_headers
import check_layers
import check_source
from functions import functions

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("src/base/fd.h", "struct Fd {};\n")
        self.write("src/tar/pax.cc", '#include "base/fd.h"\n')

    def write(self, name, text, licence=SPDX):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(licence + text)

    def expect(self, check, *told):
        found = check.problems(self.root)
        self.assertEqual(len(found), len(told), found)
        for problem, words in zip(found, told):
            for word in words if isinstance(words, tuple) else (words,):
                self.assertIn(word, problem)


class Layers(Tree):
    def test_right_tree_passes(self):
        self.expect(check_layers)

    def test_include_that_points_upwards(self):
        self.write("src/store/store.h", "")
        self.write("src/tar/pax.cc", '#include <vector>\n#include "store/store.h"\n')
        self.expect(check_layers, ("src/tar/pax.cc:3", "points upwards"))

    def test_include_without_folder(self):
        self.write("src/base/fd.cc", '#include "fd.h"\n')
        self.expect(check_layers, ("src/base/fd.cc:2", "does not name its folder"))

    def test_include_of_nothing(self):
        self.write("src/tar/pax.cc", '#include "base/no.h"\n')
        self.expect(check_layers, "does not exist")

    def test_folder_that_is_no_layer(self):
        self.write("src/util/x.h", "")
        self.expect(check_layers, "not in the list of layers")


class Source(Tree):
    def expect_call(self, line, word):
        self.write("src/tar/pax.cc", f"void f() {{\n  {line}\n}}\n")
        self.expect(check_source, ("src/tar/pax.cc:3", word))

    def test_right_tree_passes(self):
        self.write("src/tar/pax.cc", "void f() {\n  store.open(1, O_RDONLY_LIKE);\n  Store::open(x);\n  open_at(dir, O_RDONLY);\n"
                   "  reopen(O_RDWR);\n  // ::open(\n  log(\"::open(\");\n}\n")
        self.expect(check_source)

    def test_global_open(self):
        self.expect_call('int fd = ::open(path, flags);', "base/fs_at.h")

    def test_plain_open(self):
        self.expect_call('int fd = open(path, O_RDONLY);', "base/fs_at.h")

    def test_openat(self):
        self.expect_call('int fd = openat(dir, path, flags);', "openat")

    def test_system(self):
        self.expect_call('system("tar");', "started only by base/")

    def test_popen(self):
        self.expect_call('FILE* pipe = ::popen("tar", "r");', "started only by base/")

    def test_std_filesystem(self):
        self.expect_call('std::filesystem::remove_all(path);', "std::filesystem")

    def test_fstream(self):
        self.expect_call('std::ofstream out(path);', "lose errors")

    def test_base_and_tests_may_call(self):
        for name in ("src/base/fd.cc", "src/tar/pax_test.cc"):
            self.write(name, "void f() { ::open(x, y); }\n")
        self.expect(check_source)

    def test_using_namespace(self):
        self.write("src/tar/pax.cc", "using namespace strata;\nvoid f() {\n  using namespace std::literals;\n}\n")
        self.expect(check_source, ("src/tar/pax.cc:2", "using namespace"))

    def test_no_licence(self):
        self.write("src/tar/pax.cc", "int x;\n", licence="")
        self.write("scripts/run", "#!/bin/sh\necho\n", licence="")
        self.write("scripts/right", "#!/bin/sh\n# " + SPDX[3:], licence="")
        self.expect(check_source, "src/tar/pax.cc:1", "scripts/run:1")

    def test_long_files(self):
        self.write("src/base/fd.h", "\n" * 200)
        self.write("src/tar/pax.cc", "\n" * 480)
        self.expect(check_source, "201 lines; the limit is 200", "481 lines; the limit is 480")

    def test_long_function(self):
        self.write("src/tar/pax.cc", "int f() {\n" + "  g();\n" * 59 + "}\n")
        self.expect(check_source, ("src/tar/pax.cc:2", "f has 61 lines"))

    def test_allowed_with_reason(self):
        self.write("src/tar/pax.cc", "int f() {\n" + "  g();\n" * 59 + "}\n")
        self.write("tests/lint/allowed.txt", "src/tar/pax.cc:f 61 a table\n", licence="# reasons\n")
        self.expect(check_source)


class Headers(Tree):
    def test_right_tree_passes(self):
        self.expect(check_headers)

    def test_header_that_needs_another(self):
        self.write("src/base/fd.h", "std::string name();\n")
        self.expect(check_headers, ("src/base/fd.h", "does not compile alone"))

    def test_header_that_the_build_has_shown_is_not_compiled_again(self):
        self.write("src/base/fd.h", "std::string name();\n")
        self.write("src/base/fd.cc", '#include "base/fd.h"\n')
        self.expect(check_headers)


class Docs(unittest.TestCase):
    HELP = {"": "Usage: strata COMMAND\n\nManagement Commands:\n  image   Images\n\nCommands:\n  load    Load\n  rmi     Remove\n",
            "image": "Usage\n\nCommands:\n  load    Load\n  prune   Remove unused\n  rm      Remove\n\nRun more\n"}
    README = "# strata\n\n## Commands\n\n| command | does |\n|---|---|\n| `load -i FILE` | x |\n| `strata rmi IMAGE` | x |\n| `image prune` | x |\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "docs/man").mkdir(parents=True)
        (self.root / "README.md").write_text(self.README)
        for page in ("strata", "strata-load", "strata-rmi", "strata-image-prune"):
            (self.root / f"docs/man/{page}.1").write_text("")

    def expect(self, *told, program=HELP[""]):
        texts = {**self.HELP, "": program}
        found = check_docs.problems(self.root, lambda group="": texts[group])
        self.assertEqual(len(found), len(told), found)
        for problem, word in zip(found, told):
            self.assertIn(word, problem)

    def test_right_docs_pass(self):
        self.expect()

    def test_new_command_lacks_row_and_page(self):
        self.expect("README's table of commands: `save` is missing", "docs/man/strata-*.1: `save` is missing",
                    program=self.HELP[""].replace("  rmi ", "  save   Save\n  rmi "))

    def test_command_that_is_gone(self):
        (self.root / "docs/man/strata-gone.1").write_text("")
        (self.root / "README.md").write_text(self.README + "| `image gone` | x |\n")
        self.expect("`image gone` is no command", "`gone` is no command")

    def test_help_without_commands(self):
        self.expect("lists no commands", program="Usage: strata\n")

    def test_link_to_nothing(self):
        (self.root / "docs/x.md").write_text("[a](gone.md) [b](../README.md) [c](https://x.y/z) `src/none.cc`")
        self.expect("gone.md does not exist", "src/none.cc does not exist")


class Functions(unittest.TestCase):
    def names(self, text):
        return [(f.name, f.line, f.lines) for f in functions(text)]

    def test_free_and_member(self):
        self.assertEqual(self.names("namespace a {\nint f() {\n  return 1;\n}\nclass B {\n public:\n  B() : x_(0) {}\n"
                                    "  Result<int> g() const {\n  }\n};\n}\n"),
                         [("f", 2, 3), ("B", 7, 1), ("g", 8, 2)])

    def test_lambdas_and_loops_count_inside(self):
        self.assertEqual(self.names("void f() {\n  auto x = [&](int y) {\n    for (;;) {\n    }\n  };\n}\n"), [("f", 1, 6)])

    def test_braces_in_the_signature(self):
        self.assertEqual(self.names("void f(O o = {}) {\n  g();\n}\nB::B(int x) : x_{x}, y_(1) {\n  g();\n}\nint z;\n"),
                         [("f", 1, 3), ("B::B", 4, 3)])

    def test_templates_tables_and_macros(self):
        self.assertEqual(self.names("#define X(a) \\\n  if (a) { \\\n  }\nconstexpr Row kTable[] = {\n  {1, 2},\n};\n"
                                    "template <typename T>\nstruct H {\n  size_t operator()(const T& t) const {\n  }\n};\n"),
                         [("operator()", 9, 2)])


if __name__ == "__main__":
    unittest.main()
