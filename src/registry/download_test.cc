// SPDX-License-Identifier: Apache-2.0
// Downloads from a server that fails in every way it can; the judge is the blob's digest.
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "base/test_support.h"
#include "registry/failing_server.h"
#include "registry/registry_contents.h"

namespace strata::registry {
namespace {

using Behaviour = FailingServer::Behaviour;

std::string random_text(size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

Error lost() { return Error(ErrorCode::kIo, "connection lost"); }
Behaviour drops_after(size_t bytes) {
  Behaviour behaviour;
  behaviour.drops_after = bytes;
  return behaviour;
}

// A root, a server with one blob, and pulls that read it. The blob is large: 40 pieces.
class Download : public ::testing::Test {
 protected:
  Download() : server(content) {
    std::string pattern = ::testing::TempDir() + "/strata-download-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    root = must(open_path(folder_, O_RDONLY | O_DIRECTORY));
  }
  ~Download() override { EXPECT_TRUE(remove_tree_at(Fd(), folder_).ok()); }

  // One pull: the text of the blob, or what went wrong.
  Result<std::string> pull() {
    RegistryContents contents(server, store::BlobFolder(root), options, pool, nullptr);
    STRATA_CHECK(contents.claim(blob));
    Result<std::string> text = read(contents);
    if (!text.ok()) again_may_help = must(contents.forget_doubtful(false));
    EXPECT_EQ(contents.is_verified(blob.digest), text.ok());
    if (text.ok() && remove_at_end) {
      EXPECT_TRUE(contents.remove_all().ok());
    }
    return text;
  }
  Result<std::string> read(RegistryContents& contents) {
    STRATA_TRY(archive::OpenedFile file, contents.open(blob.digest.to_string()));
    if (leave_after == 0) return read_to_end(*file.source, size_t{1} << 30);
    std::vector<std::byte> part(leave_after);
    STRATA_TRY([[maybe_unused]] size_t size, read_full(*file.source, part));
    return error(ErrorCode::kInvalid, "the reader does not like it");
  }
  void expect_right() {
    Result<std::string> text = pull();
    ASSERT_TRUE(text.ok()) << text.error().message();
    EXPECT_TRUE(*text == content);
  }
  void expect_error(const std::string& part, ErrorCode code) {
    Result<std::string> text = pull();
    ASSERT_FALSE(text.ok());
    EXPECT_NE(text.error().message().find(part), std::string::npos) << text.error().message();
    EXPECT_EQ(text.error().code(), code);
  }
  std::string blob_path() const { return "strata/blobs/" + blob.digest.hex(); }
  // As a run that was killed would leave it.
  void leave_half() {
    options.attempts = 1;
    options.connections_per_blob = 1;
    server.next = {{}, {}, drops_after(3000), drops_after(0)};
    EXPECT_FALSE(pull().ok());
    options = DownloadOptions{.piece_bytes = 10000, .first_wait = std::chrono::milliseconds(1)};
    before = server.sent_bytes();
  }

  std::string folder_;
  Fd root;
  Pool pool{1};
  const std::string content = random_text(400'000);
  oci::Descriptor blob{.media_type = "", .digest = Digest::of(content), .size_bytes = 400'000};
  FailingServer server;
  DownloadOptions options{.piece_bytes = 10000, .first_wait = std::chrono::milliseconds(1)};
  bool remove_at_end = true;
  bool again_may_help = false;
  size_t leave_after = 0;
  uint64_t before = 0;
};

TEST_F(Download, ReadsALargeBlobInRangesOverSeveralConnections) {
  expect_right();
  EXPECT_EQ(server.sent_bytes(), content.size());
  EXPECT_EQ(server.requests().size(), 40u);
  EXPECT_EQ(must(list_dir_at(root, "strata/blobs")).size(), 0u);
}

TEST_F(Download, ReadsASmallBlobByOneRequestWithoutRange) {
  options.piece_bytes = 1u << 20;
  expect_right();
  ASSERT_EQ(server.requests().size(), 1u);
  EXPECT_FALSE(server.requests()[0].size_bytes.has_value());
}

TEST_F(Download, ReadsAnEmptyBlobWithoutARequest) {
  blob = {.media_type = "", .digest = Digest::of(std::string_view()), .size_bytes = 0};
  EXPECT_EQ(must(pull()), "");
  EXPECT_EQ(server.requests().size(), 0u);
}

TEST_F(Download, TakesTheWholeFromAServerWithoutRanges) {
  server.otherwise.takes_ranges = false;
  expect_right();
}

TEST_F(Download, GoesOnWhereTheConnectionWasLost) {
  options.connections_per_blob = 1;
  options.piece_bytes = 1u << 20;
  server.next = {drops_after(150'000), drops_after(1), drops_after(100'000)};
  expect_right();
  EXPECT_EQ(server.sent_bytes(), content.size());
  ASSERT_EQ(server.requests().size(), 4u);
  EXPECT_EQ(server.requests()[1].offset, 150'000u);
  EXPECT_EQ(server.requests()[1].validator, "\"one\"");
}

TEST_F(Download, GoesOnAfterABodyThatEndsEarlyWithoutAWord) {
  Behaviour ends;
  ends.ends_after = 3500;
  server.next = {ends, ends, ends};
  expect_right();
}

TEST_F(Download, GivesUpAfterSoManyAttemptsWithoutAByte) {
  options.connections_per_blob = 1;
  server.otherwise.drops_after = 0;
  expect_error("connection lost", ErrorCode::kIo);
  EXPECT_EQ(server.requests().size(), options.attempts);
}

TEST_F(Download, GivesUpSoonerWhenThereIsNoAnswerAtAll) {
  options.connections_per_blob = 1;
  server.otherwise.instead = lost();
  expect_error("connection lost", ErrorCode::kIo);
  EXPECT_EQ(server.requests().size(), options.refusals);
}

TEST_F(Download, CountsAttemptsAnewWhenBytesCame) {
  options.connections_per_blob = 1;
  for (int i = 0; i < 10; ++i) {
    server.next.push_back(drops_after(1500));
    server.next.push_back({.instead = lost()});
  }
  server.next.push_front({.instead = lost()});
  options.attempts = 2;
  expect_right();
}

TEST_F(Download, DoesNotAskAgainForWhatTheRegistryDoesNotHave) {
  server.otherwise.instead = Error(ErrorCode::kNotFound, "blob unknown to registry");
  expect_error("blob unknown to registry", ErrorCode::kNotFound);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Download, OtherConnectionsGoOnWhenOneIsRefused) {
  options.refusals = 1;
  server.next = {{}, {.instead = Error(ErrorCode::kBusy, "too many requests")}};
  expect_right();
}

TEST_F(Download, RefusesAnotherSizeBeforeTheFirstByte) {
  server.otherwise.says = 400'001;
  expect_error("expected 400000 bytes, the registry has 400001", ErrorCode::kCorrupt);
  EXPECT_EQ(server.sent_bytes(), 0u);
}

TEST_F(Download, RefusesMoreBytesThanItSaid) {
  server.otherwise = {.takes_ranges = false, .content = content + "more", .says = 400'000};
  expect_error("sends more than the 400000 bytes", ErrorCode::kCorrupt);
}

TEST_F(Download, RefusesOtherContentAndKeepsNothingOfIt) {
  server.otherwise.content = random_text(400'000, 2);
  expect_error(
      "what the registry sent has digest " + Digest::of(server.otherwise.content).to_string(),
      ErrorCode::kCorrupt);
  EXPECT_FALSE(again_may_help);
  EXPECT_EQ(must(lstat_at(root, blob_path())).st_size, 0);
  server.otherwise = {};
  expect_right();
}

TEST_F(Download, AnotherPullGoesOnWithWhatIsThere) {
  leave_half();
  EXPECT_EQ(before, 23'000u);
  expect_right();
  EXPECT_EQ(server.sent_bytes(), content.size());
}

TEST_F(Download, ACompleteBlobIsNotFetchedAgain) {
  remove_at_end = false;
  expect_right();
  expect_right();
  EXPECT_EQ(server.sent_bytes(), content.size());
}

TEST_F(Download, AnotherETagThanThatOfTheLastRunBeginsAnew) {
  leave_half();
  server.otherwise.etag = "\"two\"";
  expect_right();
  // One request for the rest was answered with the whole.
  EXPECT_GE(server.sent_bytes() - before, content.size());
}

TEST_F(Download, AnotherETagInTheMiddleKeepsOnlyWhatWasRead) {
  options.connections_per_blob = 1;
  server.next = {{}, {}, drops_after(5000)};
  server.otherwise.etag = "\"two\"";
  expect_right();
}

TEST_F(Download, ABlobThatChangesForEverIsGivenUp) {
  options.connections_per_blob = 1;
  for (int i = 0; i < 20; ++i) {
    Behaviour changed = drops_after(5000);
    changed.etag = fmt::format("\"{}\"", i);
    server.next.push_back(changed);
  }
  expect_error("ever new versions", ErrorCode::kCorrupt);
}

TEST_F(Download, WhatAPowerCutSpoiledIsFetchedAnewByTheNextTry) {
  leave_half();
  Fd data = must(open_at(root, blob_path(), O_RDWR));
  ASSERT_TRUE(pwrite_all(data.get(), as_bytes("spoiled"), 1000).ok());
  expect_error("has digest", ErrorCode::kCorrupt);
  EXPECT_TRUE(again_may_help);
  expect_right();
}

TEST_F(Download, AFileThatLostItsEndIsNoCrash) {
  remove_at_end = false;
  expect_right();
  ASSERT_EQ(::truncate((folder_ + "/" + blob_path()).c_str(), 1000), 0);
  expect_error("has digest", ErrorCode::kCorrupt);
  EXPECT_TRUE(again_may_help);
  expect_right();
}

TEST_F(Download, WhatAReaderFoundFaultWithIsNotKept) {
  leave_after = 50'000;
  expect_error("does not like it", ErrorCode::kInvalid);
  leave_after = 0;
  uint64_t sent = server.sent_bytes();
  expect_right();
  EXPECT_EQ(server.sent_bytes() - sent, content.size());
}

TEST_F(Download, EveryBeginningOfAJournalIsAJournal) {
  leave_half();
  std::string journal = must(read_file_at(root, blob_path() + ".journal"));
  remove_at_end = false;
  for (size_t size = 0; size <= journal.size(); ++size) {
    ASSERT_TRUE(write_file_at(root, blob_path() + ".journal", journal.substr(0, size), 0600).ok());
    expect_right();
  }
}

TEST_F(Download, AJournalOfNonsenseCountsAsNone) {
  for (const char* journal :
       {"strata-blob 1 400000 -\n0 400001\n", "strata-blob 1 400000 -\n5 2\n-1 9\n1\n\n 7\n",
        "strata-blob 1 399999 -\n0 399999\n", "strata-blob 2 400000 -\n0 400000\n",
        "strata-blob 1 400000\n0 400000\n", "strata-blob 1 400000 -\n0 400000"}) {
    ASSERT_TRUE(ensure_dirs_at(root, "strata/blobs", 0700).ok());
    ASSERT_TRUE(write_file_at(root, blob_path() + ".journal", journal, 0600).ok());
    ASSERT_TRUE(write_file_at(root, blob_path(), "", 0600).ok());
    expect_right();
  }
}

TEST_F(Download, TwoPullsAtOnceFetchItOnce) {
  std::vector<std::thread> pulls;
  // The blob stays until both have read it, whoever ends first.
  RegistryContents third(server, store::BlobFolder(root), options, pool, nullptr);
  ASSERT_TRUE(third.claim(blob).ok());
  for (int i = 0; i < 3; ++i) pulls.emplace_back([this] { expect_right(); });
  for (std::thread& thread : pulls) thread.join();
  EXPECT_EQ(server.sent_bytes(), content.size());
  EXPECT_EQ(must(list_dir_at(root, "strata/blobs")).size(), 2u);
  ASSERT_TRUE(third.remove_all().ok());
  EXPECT_EQ(must(list_dir_at(root, "strata/blobs")).size(), 0u);
}

TEST_F(Download, ReadingGoesOnWhileBytesArrive) {
  options.connections_per_blob = 1;
  RegistryContents contents(server, store::BlobFolder(root), options, pool, nullptr);
  ASSERT_TRUE(contents.claim(blob).ok());
  archive::OpenedFile file = must(contents.open(blob.digest.to_string()));
  std::atomic<uint64_t> read_bytes{0};
  server.before_block = [&](uint64_t offset) {
    // The server waits until what it sent was read.
    for (int i = 0; i < 5000 && read_bytes < offset; ++i) ::usleep(1000);
    EXPECT_GE(read_bytes, offset);
  };
  std::vector<std::byte> buffer(4096);
  while (size_t size = must(file.source->read(buffer))) read_bytes += size;
  EXPECT_EQ(read_bytes, content.size());
}

TEST_F(Download, EndsSoonWhenInterrupted) {
  server.before_block = [&](uint64_t offset) {
    if (offset > 20'000) pool.cancel();
  };
  expect_error("interrupted", ErrorCode::kCancelled);
}

TEST_F(Download, EveryBlobComesThroughAServerThatFailsHalfOfTheTime) {
  std::mt19937 random(7);
  options.attempts = options.refusals = 30;
  for (int round = 0; round < 20; ++round) {
    server.next.clear();
    for (int i = 0; i < 100; ++i) {
      Behaviour behaviour;
      switch (random() % 8) {
        case 0:
          behaviour.instead = lost();
          break;
        case 1:
          behaviour.drops_after = random() % 9000;
          break;
        case 2:
          behaviour.ends_after = random() % 9000;
          break;
        case 3:
          behaviour.takes_ranges = false;
          behaviour.drops_after = random() % 90000;
          break;
        default:
          break;
      }
      server.next.push_back(behaviour);
    }
    expect_right();
  }
}

TEST_F(Download, EndsAtOnceWhenItIsGivenUp) {
  server.otherwise.stalls = true;
  RegistryContents contents(server, store::BlobFolder(root), options, pool, nullptr);
  must(contents.claim(blob));
  std::thread another_layer_fails([&] {
    while (server.requests().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    contents.give_up();
  });
  Result<std::string> text = read(contents);
  another_layer_fails.join();
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code(), ErrorCode::kCancelled);

  EXPECT_FALSE(must(contents.forget_doubtful(false)));  // from now on blobs can be read again
  server.otherwise.stalls = false;
  EXPECT_TRUE(must(read(contents)) == content);
}

TEST_F(Download, WaitsForNoConnectionOnceItHasFailed) {
  Behaviour stalls, wrong_size;
  stalls.stalls = true;
  wrong_size.says = 7;
  server.next = {{}, stalls, stalls, wrong_size};
  expect_error("expected 400000 bytes, the registry has 7", ErrorCode::kCorrupt);
}

TEST(BlobFolder, RemovesOnlyWhatIsOldAndUnclaimed) {
  std::string pattern = ::testing::TempDir() + "/strata-blobs-XXXXXX";
  std::string folder = ::mkdtemp(pattern.data());
  Fd root = must(open_path(folder, O_RDONLY | O_DIRECTORY));
  store::BlobFolder blobs(root);
  EXPECT_EQ(must(blobs.remove_unclaimed(std::chrono::seconds(0), false)), 0u);
  Digest claimed = Digest::of("claimed");
  std::optional<store::BlobClaim> claim = must(blobs.claim(claimed));
  for (const char* name : {"old", "young"}) {
    store::BlobClaim other = must(blobs.claim(Digest::of(name)));
    ASSERT_TRUE(write_all(other.data(), as_bytes(random_text(5000))).ok());
  }
  timespec old_times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  for (const Digest& digest : {claimed, Digest::of("old")}) {
    ASSERT_EQ(::utimensat(root.get(), ("strata/blobs/" + digest.hex()).c_str(), old_times, 0), 0);
  }
  store::BlobUsage usage = must(blobs.usage());
  EXPECT_EQ(usage.blobs, 3u);
  EXPECT_EQ(usage.claimed, 1u);
  EXPECT_GE(usage.stale_bytes, 5000u);
  EXPECT_EQ(usage.bytes, 2 * usage.stale_bytes);  // the young one is as large as the old one
  EXPECT_EQ(usage.unclaimed_bytes, usage.bytes);  // and the claimed one is empty
  EXPECT_EQ(must(blobs.remove_unclaimed(store::BlobFolder::kStaleAfter, true)), usage.stale_bytes);
  EXPECT_EQ(must(list_dir_at(root, "strata/blobs")).size(), 3u);
  EXPECT_GE(must(blobs.remove_unclaimed(store::BlobFolder::kStaleAfter, false)), 5000u);
  EXPECT_EQ(must(list_dir_at(root, "strata/blobs")).size(), 2u);
  claim.reset();
  EXPECT_EQ(must(blobs.remove_unclaimed(store::BlobFolder::kStaleAfter, false)), 0u);
  EXPECT_EQ(must(list_dir_at(root, "strata/blobs")).size(), 1u);
  EXPECT_TRUE(remove_tree_at(Fd(), folder).ok());
}

TEST(ByteRanges, MergesWhatTouches) {
  ByteRanges ranges;
  ranges.add({10, 20});
  ranges.add({30, 40});
  EXPECT_EQ(ranges.first_gap({0, 50}), (ByteRange{0, 10}));
  EXPECT_EQ(ranges.first_gap({12, 50}), (ByteRange{20, 30}));
  EXPECT_EQ(ranges.end_from(5), 5u);
  EXPECT_EQ(ranges.end_from(20), 20u);
  ranges.add({20, 30});
  EXPECT_EQ(ranges.all().size(), 1u);
  EXPECT_EQ(ranges.end_from(10), 40u);
  ranges.add({5, 100});
  ranges.add({7, 7});
  EXPECT_EQ(ranges.total_bytes(), 95u);
  EXPECT_TRUE(ranges.covers({5, 100}));
  EXPECT_FALSE(ranges.covers({4, 6}));
}

}  // namespace
}  // namespace strata::registry
