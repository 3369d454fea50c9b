// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over the files of a folder, and over each of them cut short, where there is no
// libFuzzer: `replay CORPUS`. What a fuzzer once found stays found in every build.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kCutsPerFile = 64;

void replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  for (size_t i = 0; i <= kCutsPerFile; ++i) {
    // A copy of exactly this size, so that a sanitizer sees a read behind it.
    const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + bytes.size() * i / kCutsPerFile);
    LLVMFuzzerTestOneInput(cut.data(), cut.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::fprintf(stderr, "%s\n", entry.path().c_str());  // the last one is the culprit
      replay(entry.path());
      ++files;
    }
  }
  std::printf("%zu files\n", files);
  return files == 0 ? 1 : 0;
}
