// SPDX-License-Identifier: Apache-2.0
// load and save on a store in a temporary place. The judge of layers is the input; what docker
// makes of archives is
// tested beside it in tests/compat.
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "archive/links.h"
#include "archive/load.h"
#include "archive/save.h"
#include "archive/stream_contents.h"
#include "driver/layer_test_fixture.h"

namespace strata::archive {
namespace {

using driver::TarText;

// An image as its parts, to be put into archives of several kinds.
struct TestImage {
  explicit TestImage(std::vector<std::string> tars, const std::string& os = "linux")
      : layers(std::move(tars)) {
    std::string ids;
    for (const std::string& tar : layers)
      ids += (ids.empty() ? "\"" : ",\"") + Digest::of(tar).to_string() + "\"";
    config = R"({"architecture":"amd64","created":"2024-01-01T00:00:00Z","history":[],"os":")" +
             os + R"(","rootfs":{"type":"layers","diff_ids":[)" + ids + "]}}";
  }
  ImageId id() const { return ImageId(Digest::of(config)); }
  // One item of a manifest.json, its layers in files <prefix>0.tar, <prefix>1.tar ...
  std::string item(const std::string& prefix, const std::string& tags) const {
    std::string files;
    for (size_t i = 0; i < layers.size(); ++i) {
      files += fmt::format("{}\"{}{}.tar\"", files.empty() ? "" : ",", prefix, i);
    }
    return fmt::format(R"({{"Config":"{}config.json","RepoTags":{},"Layers":[{}]}})", prefix, tags,
                       files);
  }
  void add_files(TarText& tar, const std::string& prefix) const {
    tar.file(prefix + "config.json", config);
    for (size_t i = 0; i < layers.size(); ++i)
      tar.file(fmt::format("{}{}.tar", prefix, i), layers[i]);
  }

  std::vector<std::string> layers;
  std::string config;
};

std::string layer_with(const std::string& name, const std::string& payload) {
  return TarText().folder("d/").file("d/" + name, payload).end();
}

// More than a stream keeps in its file, so that it is unpacked while it passes by.
std::string large_layer(char fill) {
  return layer_with("large", std::string(kKeptBytes + 1, fill));
}

class ArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "strata-archive-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    top_ = open_path(path_, O_RDONLY | O_DIRECTORY).value();
    store::OpenOptions options;
    options.root = path_ + "/root";
    options.access = store::Access::kWrite;
    options.create = true;
    store_.emplace(store::Store::open(options).value());
  }
  void TearDown() override {
    store_.reset();
    ASSERT_TRUE(remove_tree_at(Fd(), path_).ok());
  }

  Result<LoadReport> load_file(const std::string& archive, const LoadOptions& options = {}) {
    EXPECT_TRUE(write_file_at(top_, "in.tar", archive, 0644).ok());
    Fd file = open_at(top_, "in.tar", O_RDONLY).value();
    return load(*store_, {&file, "in.tar"}, options, pool_);
  }

  Result<LoadReport> load_pipe(const std::string& archive) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends),
              0);  // a pipe, but no SIGPIPE when nobody reads on
    Fd reader(ends[0]), writer(ends[1]);
    std::thread feeder([&] {
      (void)::send(writer.get(), archive.data(), archive.size(), MSG_NOSIGNAL);
      writer = Fd();
    });
    Result<LoadReport> report = load(*store_, {&reader, "pipe"}, {}, pool_);
    reader = Fd();
    feeder.join();
    return report;
  }

  // The tar of the image's layer as the store gives it back.
  std::string saved_layer(const DiffId& diff) {
    std::vector<store::Layer> found = store_->layers().find_by_diff(diff).value();
    EXPECT_FALSE(found.empty());
    if (found.empty()) return "";
    Fd files = store_->driver().open_files(found[0].cache).value();
    Fd split = store_->layers().open_tar_split(found[0].chain).value();
    std::string tar;
    StringSink sink(tar);
    BufferPool buffers(65536, 8);
    EXPECT_TRUE(driver::read_layer({&files, &split}, diff, sink, buffers, pool_).ok());
    return tar;
  }

  void expect_stored(const TestImage& image) {
    EXPECT_EQ(store_->images().read_config(image.id()).value(), image.config);
    for (const std::string& layer : image.layers) {
      EXPECT_TRUE(saved_layer(DiffId(Digest::of(layer))) == layer);
    }
  }

  void expect_refused(const std::string& archive, const std::string& message) {
    for (bool pipe : {false, true}) {
      Result<LoadReport> report = pipe ? load_pipe(archive) : load_file(archive);
      ASSERT_FALSE(report.ok()) << message;
      EXPECT_NE(report.error().message().find(message), std::string::npos)
          << "expected: " << message << "\nfound: " << report.error().message();
      EXPECT_TRUE(store_->images().list()->empty());
      EXPECT_TRUE(store_->layers().list()->empty());
      EXPECT_TRUE(store_->references()->all().empty());
      EXPECT_TRUE(list_dir_at(store_->root(), "strata/staging")->empty());
    }
  }

  std::string path_;
  Fd top_;
  Pool pool_{3};
  std::optional<store::Store> store_;
};

std::string docker_archive(const TestImage& image, const std::string& tags = R"(["x:1"])") {
  TarText tar;
  image.add_files(tar, "");
  return tar.file("manifest.json", "[" + image.item("", tags) + "]").end();
}

TEST_F(ArchiveTest, FileAndPipeGiveTheSameImage) {
  TestImage image({layer_with("a", "1"), large_layer('b'), layer_with("c", "3")});
  for (bool pipe : {false, true}) {
    Result<LoadReport> report =
        pipe ? load_pipe(docker_archive(image)) : load_file(docker_archive(image, R"(["y:2"])"));
    ASSERT_TRUE(report.ok()) << report.error().message();
    ASSERT_EQ(report->images.size(), 1u);
    EXPECT_EQ(report->images[0].id, image.id());
    EXPECT_EQ(report->images[0].tags, std::vector<std::string>{pipe ? "x:1" : "y:2"});
    expect_stored(image);
  }
}

TEST_F(ArchiveTest, ManifestFirstOrLastInAPipe) {
  TestImage image({large_layer('a'), large_layer('b')});
  TarText tar;
  tar.file("manifest.json", "[" + image.item("", "null") + "]");
  image.add_files(tar, "");
  ASSERT_TRUE(load_pipe(tar.end()).ok());
  expect_stored(image);
}

TEST_F(ArchiveTest, LayerOnTwoParentsComesOnceInAPipe) {
  std::string shared = large_layer('s');
  TestImage image({shared, large_layer('m'), shared});
  TarText tar;
  tar.file("config.json", image.config)
      .file("0.tar", image.layers[0])
      .file("1.tar", image.layers[1]);
  tar.other(tar::kSymlink, "2.tar", "0.tar")
      .file("manifest.json", "[" + image.item("", "null") + "]");
  ASSERT_TRUE(load_pipe(tar.end()).ok());
  expect_stored(image);
  EXPECT_EQ(store_->layers().list()->size(), 3u);
}

TEST_F(ArchiveTest, LayersThatAreHereAreNotRead) {
  TestImage image({layer_with("a", "1"), layer_with("b", "2")});
  ASSERT_TRUE(load_file(docker_archive(image)).ok());
  TestImage garbage = image;
  garbage.layers = {"garbage", ""};
  Result<LoadReport> again = load_file(docker_archive(garbage, R"(["again:1"])"));
  ASSERT_TRUE(again.ok()) << again.error().message();
  expect_stored(image);
}

TEST_F(ArchiveTest, TagThatMovesIsReported) {
  TestImage first({layer_with("a", "1")}), second({layer_with("b", "2")});
  ASSERT_TRUE(load_file(docker_archive(first)).ok());
  Result<LoadReport> report = load_file(docker_archive(second));
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->moved.size(), 1u);
  EXPECT_EQ(report->moved[0].key, "x:1");
  EXPECT_EQ(report->moved[0].from, first.id());
}

TEST_F(ArchiveTest, OciIndexOfTwoPlatforms) {
  TestImage image({layer_with("a", "amd64")});
  TestImage other({layer_with("a", "s390x")});
  other.config.replace(other.config.find("amd64"), 5, "s390x");
  TarText tar;
  std::string manifests;
  for (const TestImage& one : {other, image}) {
    std::string layer_digest = Digest::of(one.layers[0]).to_string();
    std::string manifest = fmt::format(
        R"({{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},)"
        R"("layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}})",
        one.id(), one.config.size(), layer_digest, one.layers[0].size());
    tar.file("blobs/sha256/" + one.id().hex(), one.config);
    tar.file("blobs/sha256/" + Digest::of(one.layers[0]).hex(), one.layers[0]);
    tar.file("blobs/sha256/" + Digest::of(manifest).hex(), manifest);
    manifests += fmt::format(
        R"({}{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"{}"}}}})",
        manifests.empty() ? "" : ",", Digest::of(manifest), manifest.size(),
        &one == &image ? "amd64" : "");
  }
  // The platform of each entry is read from its config when the index does not say.
  for (size_t at; (at = manifests.find(R"(,"platform":{"os":"linux","architecture":""})")) !=
                  std::string::npos;) {
    manifests.erase(at, std::string(R"(,"platform":{"os":"linux","architecture":""})").size());
  }
  tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  tar.file("index.json", R"({"schemaVersion":2,"manifests":[)" + manifests + "]}");
  LoadOptions options;
  options.plan.platform = oci::Platform::parse("linux/s390x").value();
  Result<LoadReport> report = load_file(tar.end(), options);
  ASSERT_TRUE(report.ok()) << report.error().message();
  ASSERT_EQ(report->images.size(), 1u);
  EXPECT_EQ(report->images[0].id, other.id());
  options.plan.platform = oci::Platform::parse("linux/riscv64").value();
  report = load_file(tar.end(), options);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message().find("no matching manifest for linux/riscv64"),
            std::string::npos);
}

TEST_F(ArchiveTest, BadArchivesChangeNothing) {
  TestImage image({layer_with("a", "1"), layer_with("b", "2")});
  std::string good = docker_archive(image);
  expect_refused("", "it is empty, expected an image archive");
  expect_refused("garbage that is no tar and longer than five hundred and twelve bytes" +
                     std::string(600, 'x'),
                 "invalid tar header");
  expect_refused(good.substr(0, good.size() / 2), "unexpected EOF");
  expect_refused(TarText().file("manifest.json", "null").end(), "manifest cannot be null");
  expect_refused(TarText().file("manifest.json", "{}").end(), "cannot unmarshal object");
  expect_refused(TarText().file("manifest.json", "[{").end(), "unexpected EOF");

  TestImage lying = image;
  lying.layers[1] = layer_with("b", "other");
  expect_refused(docker_archive(lying),
                 fmt::format("invalid diffID for layer 1: expected \"{}\", got \"{}\"",
                             Digest::of(image.layers[1]), Digest::of(lying.layers[1])));
  TestImage fewer = image;
  fewer.layers.pop_back();
  expect_refused(docker_archive(fewer), "layers length mismatch: expected 1, got 2");
  expect_refused(docker_archive(TestImage({layer_with("a", "1")}, "windows")),
                 "cannot load windows image on linux");
  expect_refused(docker_archive(image, R"(["UPPER:1"])"), "must be lowercase");
  expect_refused(docker_archive(image, R"(["untagged"])"), "invalid tag \"untagged\"");
}

// A link to itself and more grows with every step.
TEST(Links, PathsThatGrowAreRefused) {
  std::string longer = "l";
  for (int i = 0; i < 2000; ++i) longer += "/a";
  Links links;
  links.add_symlink("l", longer);
  Result<std::string> target = links.resolve("l");
  ASSERT_FALSE(target.ok());
  EXPECT_NE(target.error().message().find("longer than 4096 bytes"), std::string::npos);
  EXPECT_FALSE(Links().resolve(std::string(5000, 'x')).ok());
}

TEST(Links, NamesThatFillMemoryAreRefused) {
  Links links;
  const std::string name(1000, 'n');
  Status added;
  int count = 0;
  while (added.ok() && count < 100'000) {
    added = links.add_member(name, "");
    ++count;
  }
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().code(), ErrorCode::kUnsupported);
  EXPECT_LT(count, 64 * 1024);  // 64 MiB is what a whole load may take
}

TEST_F(ArchiveTest, NamesThatLeaveTheArchiveAreRefused) {
  TestImage image({layer_with("a", "1")});
  for (const char* config : {"../config.json", "/etc/hostname", "link"}) {
    TarText tar;
    image.add_files(tar, "");
    tar.other(tar::kSymlink, "link", "../../etc/hostname");
    tar.file("manifest.json",
             fmt::format(R"([{{"Config":"{}","RepoTags":null,"Layers":["0.tar"]}}])", config));
    expect_refused(tar.end(), "points outside of the archive");
  }
}

class SaveTest : public ArchiveTest {
 protected:
  std::string saved(ArchiveFormat format) {
    SaveOptions options;
    options.names = {"x:1"};
    options.format = format;
    Result<SaveReport> saved = save_to_file(*store_, options, path_ + "/out.tar", pool_);
    EXPECT_TRUE(saved.ok()) << saved.error().message();
    Fd file = open_at(top_, "stream.tar", O_RDWR | O_CREAT | O_TRUNC, 0600).value();
    EXPECT_TRUE(save_to_stream(*store_, options, file.get(), pool_).ok());
    std::string whole = read_file_at(top_, "out.tar", 100u << 20).value();
    EXPECT_TRUE(read_file_at(top_, "stream.tar", 100u << 20).value() == whole)
        << "file and stream differ";
    return whole;
  }
};

TEST_F(SaveTest, EveryFormatLoadsAgain) {
  TestImage image({layer_with("a", "1"), large_layer('b'), layer_with("a", "1")});
  ASSERT_TRUE(load_file(docker_archive(image)).ok());
  for (ArchiveFormat format :
       {ArchiveFormat::kDocker, ArchiveFormat::kDockerLegacy, ArchiveFormat::kOci}) {
    std::string archive = saved(format);
    TearDown();
    SetUp();
    Result<LoadReport> report = load_file(archive);
    ASSERT_TRUE(report.ok()) << report.error().message();
    EXPECT_EQ(report->images[0].tags, std::vector<std::string>{"x:1"});
    expect_stored(image);
  }
}

TEST_F(SaveTest, ImagesWithoutNamesAllComeBackFromOci) {
  TestImage one({layer_with("a", "one")});
  TestImage two({layer_with("a", "two")});
  ASSERT_TRUE(load_file(docker_archive(one)).ok());
  ASSERT_TRUE(load_file(docker_archive(two)).ok());
  SaveOptions save;
  save.names = {one.id().to_string(), two.id().to_string()};
  save.format = ArchiveFormat::kOci;
  ASSERT_TRUE(save_to_file(*store_, save, path_ + "/out.tar", pool_).ok());
  std::string archive = read_file_at(top_, "out.tar").value();
  TearDown();
  SetUp();
  LoadOptions load;
  load.plan.platform = oci::Platform::parse("linux/amd64").value();
  Result<LoadReport> report = load_file(archive, load);
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_EQ(report->images.size(), 2u);
  expect_stored(one);
  expect_stored(two);
}

TEST_F(SaveTest, DamagedLayerLeavesNoArchive) {
  TestImage image({layer_with("victim", "content")});
  ASSERT_TRUE(load_file(docker_archive(image)).ok());
  store::Layer layer = store_->layers().list().value().at(0);
  Fd files = store_->driver().open_files(layer.cache).value();
  ASSERT_TRUE(write_file_at(files, "d/victim", "c0ntent", 0644).ok());
  SaveOptions options;
  options.names = {"x:1"};
  Result<SaveReport> saved = save_to_file(*store_, options, path_ + "/out.tar", pool_);
  ASSERT_FALSE(saved.ok());
  EXPECT_EQ(saved.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(saved.error().message().find(layer.diff.to_string()), std::string::npos);
  EXPECT_NE(saved.error().message().find("d/victim"), std::string::npos);
  std::vector<DirEntry> left = list_dir_at(top_, ".").value();
  EXPECT_EQ(left.size(), 2u);  // in.tar and root
}

}  // namespace
}  // namespace strata::archive
