// SPDX-License-Identifier: Apache-2.0
// docker's config.json and containers' auth.json. Expected texts: what docker 20.10 wrote, FORMATS
// section 9.1, and the vectors of RFC 7617.
#include "registry/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs_at.h"

namespace strata::registry {
namespace {

class CredentialFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "strata-credentials-XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    options_.docker_config = folder_ + "/docker/config.json";
    options_.container_auths = {folder_ + "/auth.json"};
  }
  void TearDown() override {
    Fd dir = open_path(folder_, O_RDONLY | O_DIRECTORY).value();
    for (const char* name : {"docker", "auth.json"}) EXPECT_TRUE(remove_tree_at(dir, name).ok());
    ::rmdir(folder_.c_str());
  }
  void write(const std::string& name, std::string_view text) {
    Fd dir = open_path(folder_, O_RDONLY | O_DIRECTORY).value();
    ASSERT_TRUE(ensure_dir_at(dir, "docker", 0700).ok());
    ASSERT_TRUE(write_file_at(dir, name, text, 0600).ok());
  }
  std::string read(const std::string& name) {
    Fd dir = open_path(folder_, O_RDONLY | O_DIRECTORY).value();
    return read_file_at(dir, name).value();
  }
  CredentialStore store() { return CredentialStore(options_); }
  std::string user_of(const char* name) {
    Result<std::optional<Credentials>> found =
        store().find(oci::Reference::parse(name).value().full_name());
    if (!found.ok()) return found.error().message();
    return *found ? (*found)->user + ":" + (*found)->secret : "nobody";
  }
  std::vector<std::string> problems() { return store().problems(); }

  std::string folder_;
  ClientOptions options_;
};

TEST(ServerKeys, AreDockers) {
  EXPECT_EQ(server_key(""), "https://index.docker.io/v1/");
  EXPECT_EQ(server_key("docker.io"), "https://index.docker.io/v1/");
  EXPECT_EQ(server_key("https://index.docker.io/v1/"), "https://index.docker.io/v1/");
  EXPECT_EQ(server_key("https://reg.example:5000/v2/"), "reg.example:5000");
  EXPECT_EQ(server_key("localhost:5000"), "localhost:5000");
}

// RFC 7617 section 2.
TEST(BasicToken, IsBase64OfUserAndSecret) {
  EXPECT_EQ(basic_token({"Aladdin", "open sesame", "", ""}), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST(PushRecordKey, OfNobodyIsThatOfAnEmptyObject) {
  EXPECT_EQ(push_record_key(std::nullopt),
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}

TEST_F(CredentialFiles, WithoutFilesNobodyIsKnown) { EXPECT_EQ(user_of("h:1/x"), "nobody"); }

TEST_F(CredentialFiles, ReadsAuthsAsDockerAndOthersWriteThem) {
  write("docker/config.json", R"({"auths":{
      "h:1":{"auth":"QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
      "https://old.example/v1/":{"auth":"YTpi"},
      "https://index.docker.io/v1/":{"username":"u","password":"p"},
      "slash:1/":{"auth":"YTpi"}, "v1:1/v1":{"auth":"YTpi"}, "v2:1/v2/":{"auth":"YTpi"},
      "part:1/x":{"auth":"YTpi"},
      "empty:1":{}}})");
  EXPECT_EQ(user_of("h:1/x"), "Aladdin:open sesame");
  EXPECT_EQ(user_of("old.example/x"), "a:b");
  EXPECT_EQ(user_of("x"), "u:p");
  EXPECT_EQ(user_of("empty:1/x"), "nobody");
  for (const char* name : {"slash:1/x", "v1:1/x", "v2:1/x", "part:1/x"}) {
    EXPECT_EQ(user_of(name), "a:b") << name;
  }
  EXPECT_EQ(user_of("part:1/y"), "nobody");
  EXPECT_EQ(user_of("h:2/x"), "nobody");
  EXPECT_TRUE(problems().empty());
}

TEST_F(CredentialFiles, ContainersKeysMayNameAPartOfARegistry) {
  write("auth.json", R"({"auths":{"quay.io":{"auth":"YTpi"},"quay.io/team":{"auth":"Yzpk"}}})");
  EXPECT_EQ(user_of("quay.io/team/x"), "c:d");
  EXPECT_EQ(user_of("quay.io/other/x"), "a:b");
}

TEST_F(CredentialFiles, DockersFileComesFirst) {
  write("docker/config.json", R"({"auths":{"h:1":{"auth":"YTpi"}}})");
  write("auth.json", R"({"auths":{"h:1":{"auth":"Yzpk"},"h:2":{"auth":"Yzpk"}}})");
  EXPECT_EQ(user_of("h:1/x"), "a:b");
  EXPECT_EQ(user_of("h:2/x"), "c:d");
}

// As for docker, which warns when it starts.
TEST_F(CredentialFiles, WhatIsWrongIsNamedAndPassedOver) {
  const std::string loading = "Error loading config file: " + options_.docker_config;
  write("docker/config.json", R"({"auths":{"h:1":{"auth":"%%%"},"h:2":{"auth":"YTpi"}}})");
  EXPECT_EQ(user_of("h:1/x"), "nobody");
  EXPECT_EQ(user_of("h:2/x"), "a:b");
  EXPECT_THAT(problems(),
              testing::ElementsAre(loading + ": h:1: \"auth\" is not base64 of user:password"));
  EXPECT_FALSE(store().find_server("h:1").ok());
  write("docker/config.json", R"({"auths":{"h:1":{"auth":5}}})");
  EXPECT_THAT(problems(), testing::ElementsAre(testing::StartsWith(loading + ": json: cannot")));
  write("docker/config.json", "[1]");
  write("auth.json", R"({"auths":{"h:1":{"auth":"YTpi"}}})");
  EXPECT_EQ(user_of("h:1/x"), "a:b");
  EXPECT_THAT(problems(), testing::ElementsAre(loading + ": expected an object, found array"));
  EXPECT_FALSE(store().find_server("h:1").ok());
}

// The text is docker 20.10's after `docker login localhost:5000`.
TEST_F(CredentialFiles, PutWritesWhatDockerWrites) {
  Result<Kept> kept = store().put("localhost:5000", {"user", "pass", "", ""});
  ASSERT_TRUE(kept.ok()) << kept.error().message();
  EXPECT_EQ(*kept, Kept::kInFile);
  EXPECT_EQ(read("docker/config.json"),
            "{\n\t\"auths\": {\n\t\t\"localhost:5000\": {\n\t\t\t\"auth\": "
            "\"dXNlcjpwYXNz\"\n\t\t}\n\t}\n}");
  struct stat info;
  ASSERT_EQ(::stat(options_.docker_config.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(CredentialFiles, PutAndRemoveKeepTheRest) {
  const std::string before =
      "{\n\t\"auths\": {\n\t\t\"h:1\": {\n\t\t\t\"auth\": "
      "\"YTpi\"\n\t\t}\n\t},\n\t\"HttpHeaders\": "
      "{\n\t\t\"X\": \"1\"\n\t}\n}";
  write("docker/config.json", before);
  ASSERT_TRUE(store().put("h:2", {"c", "d", "", ""}).ok());
  EXPECT_EQ(user_of("h:2/x"), "c:d");
  EXPECT_TRUE(store().remove("h:2").ok());
  EXPECT_EQ(read("docker/config.json"), before);
  EXPECT_TRUE(store().remove("h:2").ok());
  EXPECT_EQ(read("docker/config.json"), before);
}

TEST_F(CredentialFiles, RemoveForgetsWhatIsFiledUnderUrlsToo) {
  write("docker/config.json",
        R"({"auths":{"h:1":{},"http://h:1":{},"https://h:1":{},"https://h:1/v1/":{}}})");
  ASSERT_TRUE(store().remove("h:1").ok());
  EXPECT_EQ(read("docker/config.json"), "{\n\t\"auths\": {\n\t\t\"https://h:1/v1/\": {}\n\t}\n}");
}

TEST_F(CredentialFiles, AnIdentityTokenIsKeptInsteadOfTheSecret) {
  ASSERT_TRUE(store().put("h:1", {"user", "secret", "token", ""}).ok());
  std::optional<Credentials> found = store().find_server("h:1").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->identity_token, "token");
  EXPECT_EQ(found->secret, "");
}

}  // namespace
}  // namespace strata::registry
