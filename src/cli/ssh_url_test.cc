// SPDX-License-Identifier: Apache-2.0
// Addresses of other hosts; the shell is the judge of quoting.
#include "cli/ssh_url.h"

#include <gtest/gtest.h>

#include "base/run_program.h"

namespace strata::cli {
namespace {

TEST(SshUrl, HasUserHostPortAndRoot) {
  struct Case {
    const char* text;
    const char* destination;
    const char* port;
    const char* root;
  };
  for (const Case& one :
       {Case{"ssh://host", "host", "", ""}, Case{"ssh://host/", "host", "", ""},
        Case{"ssh://me@host:2222/var/lib/docker", "me@host", "2222", "/var/lib/docker"},
        Case{"ssh://[::1]:22/a%20b%25", "::1", "22", "/a b%"},
        Case{"ssh://me@[fe80::1]", "me@fe80::1", "", ""},
        Case{"ssh://alias.of-config", "alias.of-config", "", ""},
        Case{"ssh://host/it's", "host", "", "/it's"}}) {
    Result<SshUrl> url = parse_ssh_url(one.text);
    ASSERT_TRUE(url.ok()) << one.text << ": " << url.error().message();
    EXPECT_EQ(url->destination, one.destination) << one.text;
    EXPECT_EQ(url->port, one.port) << one.text;
    EXPECT_EQ(url->root, one.root) << one.text;
  }
  EXPECT_TRUE(is_ssh_url("ssh://x"));
  EXPECT_FALSE(is_ssh_url("ssh"));
  EXPECT_FALSE(is_ssh_url("reg:5000/x"));
}

TEST(SshUrl, RefusesWhatSshOrAShellWouldTakeAmiss) {
  for (const char* text : {"ssh://",         "ssh:///root",   "ssh://-oProxyCommand=x",
                           "ssh://-l@host",  "ssh://@host",   "ssh://user:secret@host",
                           "ssh://host:",    "ssh://host:0",  "ssh://host:65536",
                           "ssh://host:2x",  "ssh://[::1",    "ssh://[::1]x",
                           "ssh://ho st",    "ssh://$(id)",   "ssh://host;id",
                           "ssh://host\n",   "ssh://host/%",  "ssh://host/%2",
                           "ssh://host/%zz", "ssh://host/%00"}) {
    Result<SshUrl> url = parse_ssh_url(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(url.error().message().find("expected ssh://"), std::string::npos);
  }
}

TEST(SshUrl, AShellReadsQuotedWordsBack) {
  std::vector<std::string> words = {
      "plain", "", "two words", "it's", "$HOME `id` \\ \"x\"", "a\nb", "'; rm -rf /tmp/none; '"};
  std::string script =
      "for word in " + quote_for_shell(words) + "; do printf '%s\\0' \"$word\"; done";
  Result<ProgramResult> shell = run_program({"sh", "-c", script}, "", 4096);
  ASSERT_TRUE(shell.ok()) << shell.error().message();
  std::string expected;
  for (const std::string& word : words) expected += word + '\0';
  EXPECT_EQ(shell->output, expected);
}

}  // namespace
}  // namespace strata::cli
