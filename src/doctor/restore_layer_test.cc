// SPDX-License-Identifier: Apache-2.0
#include "doctor/restore_layer.h"

#include <sys/xattr.h>
#include <unistd.h>

#include "base/test_support.h"
#include "doctor/test_layers.h"
#include "driver/layer_test_fixture.h"
#include "driver/tree_tar.h"
#include "store/store.h"
#include "store/transaction.h"

namespace strata::doctor {
namespace {

// Gives one layer, or a wrong one.
class TextSource final : public LayerSource {
 public:
  explicit TextSource(std::string tar) : tar_(std::move(tar)), diff_(Digest::of(tar_)) {}
  std::string name() const override { return "a text"; }
  Result<bool> has_layer(const DiffId& diff) override { return diff == diff_; }
  Result<std::unique_ptr<ByteSource>> open_layer(const DiffId&) override {
    ++opened;
    return std::unique_ptr<ByteSource>(std::make_unique<SpanSource>(as_bytes(tar_)));
  }
  Result<std::optional<std::string>> find_config(const ImageId&) override {
    return std::optional<std::string>();
  }
  void spoil() { tar_[1025] ^= 1; }  // content, not a header
  int opened = 0;

 private:
  std::string tar_;
  const DiffId diff_;
};

class RestoreLayer : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "strata-restore-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    store_.emplace(must(store::Store::open({.root = path_ + "/root",
                                            .driver = "overlay2",
                                            .access = store::Access::kWrite,
                                            .create = true})));
    for (const char* name : {"aside", "upper"}) must(mkdir_at(Fd(), path_ + "/" + name, 0700));
    aside_ = must(open_path(path_ + "/aside", O_RDONLY | O_DIRECTORY));
  }
  void TearDown() override { ASSERT_TRUE(remove_tree_at(Fd(), path_).ok()); }

  void add(const std::string& tar) {
    store::Transaction txn = must(store_->begin());
    store::StagedLayer staged = must(txn.stage_layer());
    SpanSource source(as_bytes(tar));
    driver::UnpackedLayer unpacked = must(driver::unpack_layer(
        source, {&staged.folder, &staged.diff, &staged.metadata}, pool_, buffers_, nullptr));
    chain_ = must(txn.add_layer(std::move(staged), nullptr, unpacked.diff_id, unpacked.size_bytes));
    must(txn.commit());
    record_ = must(store_->layers().read(*chain_));
  }
  Result<RestoreReport> restore(LayerSource* source, bool whole = false) {
    std::vector<LayerSource*> sources;
    if (source != nullptr) sources.push_back(source);
    return restore_layer(
        {record_->chain, record_->diff, record_->cache, std::nullopt}, whole,
        {store_->root(), store_->layers(), store_->driver(), sources, aside_, pool_, buffers_});
  }
  // Everything is as it was.
  void expect_sound() {
    Fd files = must(store_->driver().open_files(record_->cache));
    Fd split = must(store_->layers().open_tar_split(*chain_));
    LayerContent content =
        must(compare_layer({&files, &split}, record_->diff, buffers_, pool_, nullptr));
    EXPECT_TRUE(content.is_exact);
    for (const FileFault& fault : content.faults)
      ADD_FAILURE() << fault.name << ": expected " << fault.expected << ", found " << fault.found;
  }
  std::string at(const std::string& name) const {
    return path_ + "/root/overlay2/" + record_->cache.name() + "/diff/" + name;
  }
  std::string split_path() const {
    return path_ + "/root/" + store_->layers().path_of(chain_->hex()) + "/tar-split.json.gz";
  }

  std::string path_;
  std::optional<store::Store> store_;
  std::optional<ChainId> chain_;
  std::optional<store::Layer> record_;
  Fd aside_;
  Pool pool_{3};
  BufferPool buffers_{4096, 16};
};

TEST_F(RestoreLayer, MendsWithoutACopyWhatTheTarSplitTells) {
  add(small_layer());
  ASSERT_EQ(::chmod(at("d/a").c_str(), 0777), 0);
  ASSERT_EQ(::chmod(at("d").c_str(), 0700), 0);
  must(unlink_at(Fd(), at("d/empty")));
  must(unlink_at(Fd(), at("d/s")));
  must(symlink_at("b", Fd(), at("d/s")));
  must(unlink_at(Fd(), at("d/z")));
  must(write_file_at(Fd(), at("d/z"), "a file of its own", 0644));
  must(unlink_at(Fd(), at("p")));
  must(mkdir_at(Fd(), at("p"), 0755));
  must(unlink_at(Fd(), at("d/gone")));
  must(remove_tree_at(Fd(), at("o")));
  RestoreReport report = must(restore(nullptr));
  EXPECT_TRUE(report.left.empty());
  EXPECT_EQ(report.source, "");
  expect_sound();
  EXPECT_EQ(must(read_file_at(aside_, "d/z")), "a file of its own");
}

TEST_F(RestoreLayer, FindsContentUnderAnotherNameOfTheFile) {
  add(small_layer());
  must(unlink_at(Fd(), at("d/a")));
  RestoreReport report = must(restore(nullptr));
  EXPECT_TRUE(report.left.empty());
  expect_sound();
}

TEST_F(RestoreLayer, WithoutACopyMendsTheRest) {
  add(small_layer());
  must(unlink_at(Fd(), at("d/a")));
  must(write_file_at(Fd(), at("d/z"), "hallo", 0644));
  must(unlink_at(Fd(), at("d/empty")));
  must(unlink_at(Fd(), at("deep/in/file")));
  EXPECT_EQ(restore(nullptr).error().code(), ErrorCode::kNotFound);
  Fd files = must(store_->driver().open_files(record_->cache));
  Fd split = must(store_->layers().open_tar_split(*chain_));
  LayerContent content =
      must(compare_layer({&files, &split}, record_->diff, buffers_, pool_, nullptr));
  std::vector<std::string> names;
  for (const FileFault& fault : content.faults) names.push_back(fault.name);
  EXPECT_EQ(names, (std::vector<std::string>{"d/a", "deep/in/file"}));
  TextSource source(small_layer());
  EXPECT_TRUE(must(restore(&source)).left.empty());
  expect_sound();
}

TEST_F(RestoreLayer, TakesContentFromACopyAndKeepsWhatWasThere) {
  add(small_layer());
  must(write_file_at(Fd(), at("d/a"), "hallo", 0644));
  must(remove_tree_at(Fd(), at("deep")));
  TextSource source(small_layer());
  RestoreReport report = must(restore(&source));
  EXPECT_TRUE(report.left.empty());
  EXPECT_EQ(report.source, "a text");
  EXPECT_FALSE(report.whole);
  EXPECT_EQ(source.opened, 1);
  expect_sound();
  EXPECT_EQ(must(read_file_at(aside_, "d/a")), "hallo");
}

TEST_F(RestoreLayer, ACopyThatIsNotTheLayerChangesNothing) {
  add(small_layer());
  must(write_file_at(Fd(), at("d/a"), "hallo", 0644));
  TextSource source(small_layer());
  source.spoil();
  Result<RestoreReport> report = restore(&source);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(must(read_file_at(Fd(), at("d/a"))), "hallo");
  EXPECT_EQ(restore(nullptr).error().code(), ErrorCode::kNotFound);
}

TEST_F(RestoreLayer, ReplacesAllOfALayerWhoseTarSplitIsGone) {
  add(small_layer());
  const std::string link = must(read_file_at(Fd(), at("../link")));
  must(write_file_at(Fd(), split_path(), "garbage", 0644));
  TextSource source(small_layer());
  RestoreReport report = must(restore(&source));
  EXPECT_TRUE(report.whole);
  EXPECT_TRUE(report.left.empty());
  expect_sound();
  EXPECT_EQ(must(read_file_at(Fd(), at("../link"))), link);
  EXPECT_EQ(must(read_file_at(aside_, "tar-split.json.gz")), "garbage");
  EXPECT_EQ(must(read_file_at(aside_, "diff/d/a")), "hello");
}

TEST_F(RestoreLayer, ReplacesALayerWhoseFilesAreGone) {
  add(small_layer());
  must(remove_tree_at(Fd(), at("..")));
  TextSource source(small_layer());
  EXPECT_TRUE(must(restore(&source)).whole);
  expect_sound();
  EXPECT_TRUE(must(store_->has_layer(*chain_)));
}

TEST_F(RestoreLayer, MakesTheTarSplitOfACommitAgainFromItsFiles) {
  must(write_file_at(Fd(), path_ + "/upper/file", "text", 0640));
  must(mkdir_at(Fd(), path_ + "/upper/folder", 0750));
  must(symlink_at("file", Fd(), path_ + "/upper/link"));
  for (tar::HeaderStyle style : {tar::HeaderStyle::kDocker20, tar::HeaderStyle::kDocker28}) {
    Fd upper = must(open_path(path_ + "/upper", O_RDONLY | O_DIRECTORY));
    const driver::LayerStack tree({&upper}, driver::LayerStack::Whiteouts::kShow);
    driver::TreeTarOptions options;
    options.rules.style = style;
    std::string tar;
    StringSink sink(tar);
    must(driver::write_tree_tar(tree, options, sink, pool_, buffers_));
    add(tar);
    must(write_file_at(Fd(), split_path(), "", 0644));
    RestoreReport report = must(restore(nullptr));
    EXPECT_TRUE(report.split_made_again);
    EXPECT_TRUE(report.left.empty());
    expect_sound();
  }
}

}  // namespace
}  // namespace strata::doctor
