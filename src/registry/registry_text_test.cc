// SPDX-License-Identifier: Apache-2.0
// The texts that registries and configuration files speak in. Expected values: the examples of RFC
// 9110, RFC 8288 and RFC 3986, docker's own messages, and containers' manual pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/error_body.h"
#include "registry/http_fields.h"
#include "registry/network.h"
#include "registry/proxy.h"
#include "registry/registries.h"
#include "registry/url.h"

namespace strata::registry {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

TEST(Challenges, ReadsABearerWithQuotedValues) {
  auto found = parse_challenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].scheme, "bearer");
  EXPECT_EQ(found[0].value("realm"), "https://auth.docker.io/token");
  EXPECT_EQ(found[0].value("service"), "registry.docker.io");
  EXPECT_EQ(found[0].value("scope"), "repository:a/b:pull,push");
}

// RFC 9110 section 11.6.1.
TEST(Challenges, ReadsSeveralOfOneHeader) {
  auto found = parse_challenges(
      R"(Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"")");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].value("realm"), "simple");
  EXPECT_EQ(found[1].scheme, "newauth");
  EXPECT_EQ(found[1].value("type"), "1");
  EXPECT_EQ(found[1].value("title"), "Login to \"apps\"");
}

TEST(Challenges, TakesSchemesWithoutValuesAndTokens) {
  auto found = parse_challenges("Negotiate, NTLM TlRMTVNTUAAB==, Basic realm=x");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].scheme, "negotiate");
  EXPECT_EQ(found[1].scheme, "ntlm");
  EXPECT_EQ(found[2].value("realm"), "x");
}

TEST(Challenges, WhatIsMalformedEndsTheList) {
  EXPECT_TRUE(parse_challenges("").empty());
  EXPECT_TRUE(parse_challenges(" , ,").empty());
  EXPECT_TRUE(parse_challenges("=\"x\"").empty());
  auto open_quote = parse_challenges(R"(Bearer service="s",realm="https://x)");
  ASSERT_EQ(open_quote.size(), 1u);
  EXPECT_EQ(open_quote[0].value("service"), "s");
  EXPECT_EQ(open_quote[0].value("realm"), "");
}

// RFC 8288 section 3.5, and docker-registry's own.
TEST(Links, FindsTheRelation) {
  EXPECT_EQ(
      find_link(
          R"(<http://example.com/TheBook/chapter2>; rel="previous"; title="previous chapter")",
          "previous"),
      "http://example.com/TheBook/chapter2");
  EXPECT_EQ(find_link(R"(</v2/x/tags/list?last=b&n=2>; rel="next")", "next"),
            "/v2/x/tags/list?last=b&n=2");
  EXPECT_EQ(find_link(R"(<a>; rel="first, x", <b>;rel=next)", "next"), "b");
  EXPECT_EQ(find_link(R"(<a>; rel="start NEXT")", "next"), "a");
  EXPECT_EQ(find_link("<a>", "next"), std::nullopt);
  EXPECT_EQ(find_link("<a; rel=next", "next"), std::nullopt);
  EXPECT_EQ(find_link("", "next"), std::nullopt);
}

TEST(RetryAfter, ReadsSecondsAndDates) {
  const auto at = system_clock::from_time_t(784111777);  // RFC 9110: Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", at), seconds(120));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at - seconds(5)), seconds(5));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at + seconds(5)), seconds(0));
  EXPECT_EQ(parse_retry_after("", at), std::nullopt);
  EXPECT_EQ(parse_retry_after("-1", at), std::nullopt);
  EXPECT_EQ(parse_retry_after("soon", at), std::nullopt);
  EXPECT_EQ(parse_retry_after("18446744073709551615", at), seconds(7 * 24 * 3600));
}

// RFC 9110 section 14.4.
TEST(ContentRange, ReadsAllThreeForms) {
  auto whole = parse_content_range("bytes 42-1233/1234");
  ASSERT_TRUE(whole);
  EXPECT_EQ(*whole->first, 42u);
  EXPECT_EQ(*whole->last, 1233u);
  EXPECT_EQ(*whole->total, 1234u);
  auto open = parse_content_range("bytes 42-1233/*");
  ASSERT_TRUE(open);
  EXPECT_FALSE(open->total);
  auto unsatisfied = parse_content_range("bytes */1234");
  ASSERT_TRUE(unsatisfied);
  EXPECT_FALSE(unsatisfied->first);
  for (const char* wrong : {"", "bytes", "bytes 5-4/9", "bytes 0-9/9", "bytes -1/9", "bytes 1-/9",
                            "lines 1-2/9", "bytes 1-2", "bytes 99999999999999999999-1/2"}) {
    EXPECT_FALSE(parse_content_range(wrong)) << wrong;
  }
}

TEST(Validators, OnlyStrongOnesCount) {
  EXPECT_EQ(strong_validator("\"abc\""), "\"abc\"");
  EXPECT_EQ(strong_validator("W/\"abc\""), "");
  EXPECT_EQ(strong_validator("abc"), "");
  EXPECT_EQ(strong_validator("\""), "");
  EXPECT_EQ(strong_validator("\"a\"b\""), "");
}

Error refusal(int status, std::string body, const oci::Reference* asked,
              std::string challenge = {}) {
  HttpResponse answer{.status = status, .text = std::move(body)};
  if (!challenge.empty()) answer.headers = {{"www-authenticate", std::move(challenge)}};
  return answer_error(answer, asked);
}

TEST(ErrorBody, BecomesDockersWords) {
  const oci::Reference asked = oci::Reference::parse("h:1/x:2").value();
  const char* unknown =
      R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"2"}}]})";
  Error pull = refusal(404, unknown, &asked);
  EXPECT_EQ(pull.code(), ErrorCode::kNotFound);
  EXPECT_EQ(pull.message(), "manifest for h:1/x:2 not found: manifest unknown: manifest unknown");
  EXPECT_EQ(refusal(404, unknown, nullptr).message(), "manifest unknown: manifest unknown");
  const char* denied =
      R"({"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]})";
  EXPECT_EQ(
      refusal(401, denied, &asked).message(),
      "pull access denied for h:1/x, repository does not exist or may require 'docker login': "
      "denied: requested access to the resource is denied");
  EXPECT_EQ(refusal(403, denied, nullptr).code(), ErrorCode::kPermission);
  EXPECT_EQ(refusal(429, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]})", &asked)
                .message(),
            "toomanyrequests: slow down");
}

TEST(ErrorBody, WithoutErrorsTheStatusSpeaks) {
  EXPECT_EQ(refusal(500, "<html>oops", nullptr).message(),
            "received unexpected HTTP status: 500 Internal Server Error");
  EXPECT_EQ(refusal(500, "", nullptr).code(), ErrorCode::kIo);
  EXPECT_EQ(refusal(503, "", nullptr).code(), ErrorCode::kBusy);
  EXPECT_EQ(refusal(401, "", nullptr).message(), "unauthorized: authentication required");
  EXPECT_EQ(refusal(404, R"({"errors":"none"})", nullptr).code(), ErrorCode::kNotFound);
}

// As docker 20.10 words them.
TEST(ErrorBody, OfAnotherFormIsQuotedBelow500) {
  EXPECT_EQ(refusal(413, "plain text error", nullptr).message(),
            "error parsing HTTP 413 response body: invalid character 'p' looking for beginning of "
            "value: \"plain text error\"");
  EXPECT_EQ(refusal(403, "{}", nullptr).message(),
            "error parsing HTTP 403 response body: no error details found in HTTP response body: "
            "\"{}\"");
  EXPECT_EQ(refusal(403, "", nullptr).message(),
            "denied: requested access to the resource is denied");
  std::string page = refusal(404, "<\x1b[2J" + std::string(5000, 'x'), nullptr).message();
  EXPECT_THAT(page, testing::HasSubstr("\"<\\x1b[2Jxxx"));
  EXPECT_THAT(page, testing::EndsWith("xxx\"..."));
  EXPECT_LT(page.size(), 1200u);
}

TEST(ErrorBody, ChallengeSaysThatRightsAreMissing) {
  const oci::Reference asked = oci::Reference::parse("h:1/x:2").value();
  const char* body = R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})";
  const char* challenge =
      R"(Bearer realm="http://t/",scope="repository:x:pull",error="insufficient_scope")";
  EXPECT_EQ(refusal(401, body, &asked, challenge).message(),
            "pull access denied for h:1/x, repository does not exist or may require 'docker "
            "login': denied: requested access to the resource is denied");
  EXPECT_EQ(refusal(401, body, nullptr, challenge).message(),
            "denied: requested access to the resource is denied");
  EXPECT_EQ(
      refusal(401, body, nullptr, R"(Bearer realm="http://t/",error="invalid_token")").message(),
      "unauthorized: authentication required");
  EXPECT_EQ(refusal(403, body, nullptr, challenge).message(),
            "unauthorized: authentication required");
}

TEST(ErrorBody, HidesControlCharacters) {
  Error error =
      refusal(400, "{\"errors\":[{\"code\":\"X\",\"message\":\"a\\u001b[31mb\"}]}", nullptr);
  EXPECT_EQ(error.message(), "x: a [31mb");
}

// RFC 3986 section 5.4, as far as http uses it.
TEST(Urls, ResolvesReferences) {
  const Url base = Url::parse("http://a/b/c/d?q").value();
  auto at = [&](const char* reference) { return base.resolve(reference).value().to_string(); };
  EXPECT_EQ(at("g"), "http://a/b/c/g");
  EXPECT_EQ(at("./g/"), "http://a/b/c/g/");
  EXPECT_EQ(at("/g"), "http://a/g");
  EXPECT_EQ(at("//g"), "http://g/");
  EXPECT_EQ(at("?y"), "http://a/b/c/d?y");
  EXPECT_EQ(at("g?y#s"), "http://a/b/c/g?y");
  EXPECT_EQ(at("../g"), "http://a/b/g");
  EXPECT_EQ(at("../../../../g"), "http://a/g");
  EXPECT_EQ(at(".."), "http://a/b/");
  EXPECT_EQ(at("https://other:5000/x"), "https://other:5000/x");
  EXPECT_EQ(at(""), "http://a/b/c/d?q");
}

TEST(Urls, RefusesWhatIsNoPlaceOfARegistry) {
  for (const char* wrong :
       {"", "x", "ftp://x/", "http://", "http:///x", "http://u:p@x/", "http://x:0/",
        "http://x:65536/", "http://x:a/", "http://x y/", "http://[::1/", "file:///etc"}) {
    EXPECT_FALSE(Url::parse(wrong).ok()) << wrong;
  }
  EXPECT_THAT(Url::parse("http://x:0/?secret").error().message(),
              testing::Not(testing::HasSubstr("secret")));
}

TEST(Urls, OriginIsSchemeHostAndPort) {
  const Url one = Url::parse("https://Host/x?sig=1").value();
  EXPECT_TRUE(one.same_origin(Url::parse("https://host:443/").value()));
  EXPECT_FALSE(one.same_origin(Url::parse("http://host:443/").value()));
  EXPECT_FALSE(one.same_origin(Url::parse("https://host:444/").value()));
  EXPECT_EQ(one.shown(), "https://host/x");
  EXPECT_EQ(Url::parse("http://[::1]:5000/").value().authority(), "[::1]:5000");
  Url url = one;
  url.add_query("digest", "sha256:0a");
  EXPECT_EQ(url.to_string(), "https://host/x?sig=1&digest=sha256%3A0a");
}

TEST(Networks, HoldAddresses) {
  HostAddresses hosts([](const std::string&) { return std::vector<Address>(); });
  EXPECT_TRUE(hosts.is_in("10.1.2.3:5000", "10.0.0.0/8"));
  EXPECT_FALSE(hosts.is_in("11.1.2.3", "10.0.0.0/8"));
  EXPECT_TRUE(hosts.is_in("192.168.5.130", "192.168.5.128/25"));
  EXPECT_FALSE(hosts.is_in("192.168.5.127", "192.168.5.128/25"));
  EXPECT_TRUE(hosts.is_in("[fd00::7]:5000", "fd00::/8"));
  EXPECT_TRUE(hosts.is_in("[::ffff:10.1.2.3]", "10.0.0.0/8"));
  EXPECT_FALSE(hosts.is_in("10.1.2.3", "fd00::/8"));
  EXPECT_FALSE(hosts.is_in("10.1.2.3", "10.0.0.0/33"));
  EXPECT_FALSE(hosts.is_in("10.1.2.3", "10.0.0.0"));
  EXPECT_TRUE(is_loopback_host("localhost:5000"));
  EXPECT_TRUE(is_loopback_host("LOCALHOST"));
  EXPECT_TRUE(is_loopback_host("127.9.9.9"));
  EXPECT_TRUE(is_loopback_host("[::1]:5000"));
  EXPECT_FALSE(is_loopback_host("localhost.example.com"));
  EXPECT_FALSE(is_loopback_host("128.0.0.1"));
}

// The documentation of golang.org/x/net/http/httpproxy; each line was tried with skopeo.
TEST(Proxies, AreThoseOfGo) {
  ProxySettings settings{"http://p:1", "http://p:2", "", false};
  auto of = [&](const char* url, const char* none_for) {
    settings.none_for = none_for;
    return settings.proxy_of(Url::parse(url).value()).value();
  };
  EXPECT_EQ(of("http://h.test:5000/", ""), "http://p:1");
  EXPECT_EQ(of("https://h.test:5000/", ""), "http://p:2");
  for (const char* here : {"http://localhost:5000/", "http://127.9.9.9/", "http://[::1]:5000/"}) {
    EXPECT_EQ(of(here, ""), "") << here;
  }
  for (const char* fits : {"*", "h.test", "H.TEST", "test", ".test", "*.test", "h.test:5000",
                           "other, h.test ,x", "*.test:5000"}) {
    EXPECT_EQ(of("https://h.test:5000/", fits), "") << fits;
  }
  for (const char* not_this :
       {"h.test:443", ".h.test", "*.h.test", "*h.test", "est", "x", ",", ":"}) {
    EXPECT_EQ(of("https://h.test:5000/", not_this), "http://p:2") << not_this;
  }
  EXPECT_EQ(of("https://h.test/", "h.test:443"), "");
  for (const char* fits : {"10.1.2.3", "10.0.0.0/8", "10.1.2.3:5000", "::ffff:10.1.2.3"}) {
    EXPECT_EQ(of("https://10.1.2.3:5000/", fits), "") << fits;
  }
  for (const char* not_this : {"10.1.2.4", "11.0.0.0/8", "10.1.2.3:443", "10.1.2"}) {
    EXPECT_EQ(of("https://10.1.2.3:5000/", not_this), "http://p:2") << not_this;
  }
  EXPECT_EQ(of("https://[fd00::7]:5000/", "fd00::7"), "");
  EXPECT_EQ(of("https://[fd00::7]:5000/", "[fd00::7]:5000"), "");
  EXPECT_EQ(of("https://[fd00::7]:5000/", "fd00::/8"), "");
  EXPECT_EQ(of("https://[fd00::7]:5000/", "[fd00::7]:443"), "http://p:2");
  settings.for_https = "socks5://p:3";
  EXPECT_EQ(of("https://h.test/", ""), "socks5h://p:3");
  settings.in_cgi = true;
  EXPECT_FALSE(settings.proxy_of(Url::parse("http://h.test/").value()).ok());
  EXPECT_TRUE(settings.proxy_of(Url::parse("https://h.test/").value()).ok());
}

class Places : public testing::Test {
 protected:
  void conf(const char* text) {
    Status status = parse_registries_conf(text, config_);
    ASSERT_TRUE(status.ok()) << status.error().message();
  }
  std::vector<std::string> of(const char* name) {
    Registries registries(ClientOptions{}, config_, addresses_);
    std::vector<std::string> places;
    Result<std::vector<Location>> found =
        registries.pull_locations(oci::Reference::parse(name).value());
    if (!found.ok()) return {found.error().message()};
    for (const Location& place : *found) {
      places.push_back(place.host + "/" + place.path + (place.insecure ? " insecure" : ""));
    }
    return places;
  }
  RegistryConfig config_;
  std::vector<std::string> looked_up_;
  std::shared_ptr<HostAddresses> addresses_ =
      std::make_shared<HostAddresses>([this](const std::string& name) {
        looked_up_.push_back(name);
        const char* address = name == "vm" ? "127.0.1.1" : "192.0.2.7";
        return std::vector<Address>{Address::parse(address).value()};
      });
};

TEST_F(Places, WithoutConfigurationARegistryIsItself) {
  EXPECT_THAT(of("x"), testing::ElementsAre("registry-1.docker.io/library/x"));
  EXPECT_THAT(of("quay.io/a/b:1"), testing::ElementsAre("quay.io/a/b"));
  EXPECT_THAT(of("localhost:5000/a"), testing::ElementsAre("localhost:5000/a insecure"));
}

// The example of containers-registries.conf(5), "Remapping and mirroring".
TEST_F(Places, TheManualsExample) {
  conf(R"(
[[registry]]
prefix = "example.com/foo"
insecure = false
blocked = false
location = "internal-registry-for-example.com/bar"

[[registry.mirror]]
location = "example-mirror-0.local/mirror-for-foo"
[[registry.mirror]]
location = "example-mirror-1.local/mirrors/foo"
insecure = true
)");
  EXPECT_THAT(of("example.com/foo/image:latest"),
              testing::ElementsAre("example-mirror-0.local/mirror-for-foo/image",
                                   "example-mirror-1.local/mirrors/foo/image insecure",
                                   "internal-registry-for-example.com/bar/image"));
  EXPECT_THAT(of("example.com/foobar/image"), testing::ElementsAre("example.com/foobar/image"));
}

TEST_F(Places, TheLongestPrefixAndWildcards) {
  conf(R"(
[[registry]]
prefix = "*.example.com"
location = "all.local"
[[registry]]
prefix = "a.example.com/team"
location = "team.local/t"
[[registry]]
location = "bad.example.org"
blocked = true
)");
  EXPECT_THAT(of("a.example.com/x"), testing::ElementsAre("all.local/x"));
  EXPECT_THAT(of("a.example.com/team/x"), testing::ElementsAre("team.local/t/x"));
  EXPECT_THAT(of("example.com/x"), testing::ElementsAre("example.com/x"));
  EXPECT_THAT(of("bad.example.org/x")[0],
              testing::StartsWith("registry bad.example.org is blocked"));
}

// As dockerd 20.10, whose list of insecure networks begins with 127.0.0.0/8.
TEST_F(Places, ANameOfThisMachineIsInsecureAndLookedUpOnce) {
  EXPECT_THAT(of("vm:5000/a"), testing::ElementsAre("vm:5000/a insecure"));
  EXPECT_THAT(of("vm:5001/b"), testing::ElementsAre("vm:5001/b insecure"));
  EXPECT_THAT(of("quay.io/a"), testing::ElementsAre("quay.io/a"));
  EXPECT_THAT(of("LOCALHOST:5000/a"), testing::ElementsAre("LOCALHOST:5000/a insecure"));
  EXPECT_THAT(of("192.0.2.1/a"), testing::ElementsAre("192.0.2.1/a"));
  EXPECT_THAT(of("x"), testing::ElementsAre("registry-1.docker.io/library/x"));
  EXPECT_THAT(looked_up_, testing::ElementsAre("vm", "quay.io"));
}

// What skopeo 1.9 says of each.
TEST_F(Places, Version1) {
  conf(R"(
[registries.search]
registries = ['docker.io', 'registry.fedoraproject.org']
[registries.insecure]
registries = ['plain.test:5000/', 'both.test', 'part.test/team']
[registries.block]
registries = ['both.test', 'bad.test']
)");
  EXPECT_THAT(of("plain.test:5000/a"), testing::ElementsAre("plain.test:5000/a insecure"));
  EXPECT_THAT(of("part.test/team/a"), testing::ElementsAre("part.test/team/a insecure"));
  EXPECT_THAT(of("part.test/a"), testing::ElementsAre("part.test/a"));
  EXPECT_THAT(of("other.test/a"), testing::ElementsAre("other.test/a"));
  EXPECT_THAT(of("both.test/a")[0], testing::StartsWith("registry both.test is blocked"));
  EXPECT_THAT(of("bad.test/a")[0], testing::StartsWith("registry bad.test is blocked"));
}

TEST_F(Places, WhatVersion1CannotBe) {
  const std::string insecure = "[registries.insecure]\nregistries = ['a.test']\n";
  const std::string rule = "[[registry]]\nlocation = 'b.test'\n";
  auto works = [&](const std::string& text, ConfPlace place = ConfPlace::kMain) {
    return parse_registries_conf(text, config_, place).ok();
  };
  EXPECT_TRUE(works(insecure));
  EXPECT_FALSE(works(insecure, ConfPlace::kFolder));
  EXPECT_FALSE(works(insecure + rule));
  EXPECT_FALSE(works("[registries.search]\nregistries = ['docker.io']\n" + rule));
  EXPECT_FALSE(works("unqualified-search-registries = ['x']\n" + insecure));
  EXPECT_FALSE(works("short-name-mode = 'enforcing'\n" + insecure));
  EXPECT_FALSE(works(insecure + "[aliases]\na = 'b.test/a'\n"));
  EXPECT_TRUE(works("unqualified-search-registries = []\n" + insecure));
  EXPECT_TRUE(works("[registries.insecure]\nregistries = []\n" + rule));
  EXPECT_TRUE(works("[registries.other]\nregistries = ['x']\n" + rule));
  for (const char* wrong : {"'a.test'", "[5]", "['']", "['http://a.test']"}) {
    EXPECT_FALSE(works(std::string("[registries.insecure]\nregistries = ") + wrong)) << wrong;
  }
  EXPECT_FALSE(works("registries = 5"));
}

TEST_F(Places, DaemonJsonNamesMirrorsOfTheHubAndInsecureHosts) {
  Status status = parse_daemon_json(
      R"({"registry-mirrors":["https://m.local/","http://n.local:5000"],"insecure-registries":["reg.local:5000","10.0.0.0/8","HTTP://a.local:1","https://b.local"],"debug":true})",
      config_);
  ASSERT_TRUE(status.ok());
  EXPECT_THAT(of("x"),
              testing::ElementsAre("https://m.local/library/x", "http://n.local:5000/library/x",
                                   "registry-1.docker.io/library/x"));
  EXPECT_THAT(of("reg.local:5000/x"), testing::ElementsAre("reg.local:5000/x insecure"));
  EXPECT_THAT(of("10.3.4.5/x"), testing::ElementsAre("10.3.4.5/x insecure"));
  EXPECT_THAT(of("a.local:1/x"), testing::ElementsAre("a.local:1/x insecure"));
  EXPECT_THAT(of("b.local/x"), testing::ElementsAre("b.local/x insecure"));
  EXPECT_THAT(of("other.local/x"), testing::ElementsAre("other.local/x"));
  EXPECT_FALSE(parse_daemon_json(R"({"registry-mirrors":"x"})", config_).ok());
  EXPECT_FALSE(parse_daemon_json(R"({"registry-mirrors":["ftp://x"]})", config_).ok());
}

}  // namespace
}  // namespace strata::registry
