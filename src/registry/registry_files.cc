// SPDX-License-Identifier: Apache-2.0
// The two files that say where registries are; grammars in registries.cc.
#define TOML_EXCEPTIONS 0
// toml++ 3.3 asserts of some texts that its next line refuses ("[{": no key): an error, and no end of
// the program.
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <strings.h>
#include <toml++/toml.h>

#include <algorithm>

#include "oci/json.h"
#include "registry/registries.h"

namespace strata::registry {
namespace {

Error expected(std::string_view key, std::string_view what, const toml::node& node) {
  return error(ErrorCode::kInvalid, "line {}: {} must be {}",
               static_cast<unsigned>(node.source().begin.line), key, what);
}

Result<std::string> string_of(const toml::table& table, std::string_view key) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return std::string();
  if (!node->is_string()) return expected(key, "a string", *node);
  return std::string(node->as_string()->get());
}

Result<bool> bool_of(const toml::table& table, std::string_view key) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return false;
  if (!node->is_boolean()) return expected(key, "true or false", *node);
  return node->as_boolean()->get();
}

Result<std::string> location_of(const toml::table& table, std::string_view key) {
  STRATA_TRY(std::string text, string_of(table, key));
  while (text.ends_with('/')) text.pop_back();
  if (text.find("://") != text.npos) return expected(key, "a name without a scheme", table);
  return text;
}

Result<RegistryRule::Mirror> mirror_of(const toml::table& table, bool digest_only) {
  RegistryRule::Mirror mirror;
  STRATA_TRY(mirror.location, location_of(table, "location"));
  if (mirror.location.empty()) return expected("location", "given for a mirror", table);
  STRATA_TRY(mirror.insecure, bool_of(table, "insecure"));
  STRATA_TRY(std::string from, string_of(table, "pull-from-mirror"));
  if (!from.empty() && from != "all" && from != "digest-only" && from != "tag-only") {
    return expected("pull-from-mirror", "\"all\", \"digest-only\" or \"tag-only\"", table);
  }
  mirror.by_tag = from != "digest-only" && !(from.empty() && digest_only);
  mirror.by_digest = from != "tag-only";
  return mirror;
}

Result<RegistryRule> rule_of(const toml::table& table) {
  RegistryRule rule;
  STRATA_TRY(rule.prefix, location_of(table, "prefix"));
  STRATA_TRY(rule.location, location_of(table, "location"));
  if (rule.prefix.empty()) rule.prefix = rule.location;
  if (rule.prefix.empty()) return expected("prefix or location", "given", table);
  STRATA_TRY(rule.insecure, bool_of(table, "insecure"));
  STRATA_TRY(rule.blocked, bool_of(table, "blocked"));
  STRATA_TRY(bool digest_only, bool_of(table, "mirror-by-digest-only"));
  const toml::node* mirrors = table.get("mirror");
  if (mirrors == nullptr) return rule;
  if (!mirrors->is_array()) return expected("mirror", "an array of tables", *mirrors);
  for (const toml::node& node : *mirrors->as_array()) {
    if (!node.is_table()) return expected("mirror", "an array of tables", node);
    STRATA_TRY(RegistryRule::Mirror mirror, mirror_of(*node.as_table(), digest_only));
    rule.mirrors.push_back(std::move(mirror));
  }
  return rule;
}

// What is given with some content.
bool is_filled(const toml::node* node) {
  if (node == nullptr) return false;
  if (const toml::array* array = node->as_array()) return !array->empty();
  if (const toml::table* table = node->as_table()) return !table->empty();
  return !node->is_string() || !node->as_string()->get().empty();
}

// "registries" of one section of version 1.
Result<std::vector<std::string>> names_of(const toml::table& sections, std::string_view section) {
  std::vector<std::string> names;
  const toml::node* node = sections.get(section);
  if (node == nullptr) return names;
  if (!node->is_table()) return expected(section, "a table", *node);
  const toml::node* list = node->as_table()->get("registries");
  if (list == nullptr) return names;
  if (!list->is_array()) return expected("registries", "an array of names", *list);
  for (const toml::node& entry : *list->as_array()) {
    if (!entry.is_string()) return expected("registries", "an array of names", entry);
    std::string_view name = entry.as_string()->get();
    while (name.ends_with('/')) name.remove_suffix(1);
    if (name.empty() || name.find("://") != name.npos) {
      return expected("registries", "an array of names without a scheme", entry);
    }
    names.emplace_back(name);
  }
  return names;
}

// The rules of version 1, where two sections may name the same registry.
Result<std::vector<RegistryRule>> version_1_rules(const toml::table& sections) {
  STRATA_TRY(std::vector<std::string> insecure, names_of(sections, "insecure"));
  STRATA_TRY(std::vector<std::string> blocked, names_of(sections, "block"));
  std::vector<RegistryRule> rules;
  for (const std::string& name : insecure) {
    const bool is_blocked = std::find(blocked.begin(), blocked.end(), name) != blocked.end();
    rules.push_back({name, "", true, is_blocked});
  }
  for (const std::string& name : blocked) {
    const bool known = std::find(insecure.begin(), insecure.end(), name) != insecure.end();
    if (!known) rules.push_back({name, "", false, true});
  }
  return rules;
}

// Whether there is anything of version 1. Errors: a mixture with what is of version 2 alone.
Result<bool> is_version_1(const toml::table& table) {
  const toml::node* node = table.get("registries");
  if (node == nullptr) return false;
  if (!node->is_table()) return expected("registries", "a table", *node);
  STRATA_TRY(bool filled, [&]() -> Result<bool> {
    for (std::string_view section : {"search", "insecure", "block"}) {
      STRATA_TRY(std::vector<std::string> names, names_of(*node->as_table(), section));
      if (!names.empty()) return true;
    }
    return false;
  }());
  for (std::string_view key : {"registry", "unqualified-search-registries", "short-name-mode",
                               "credential-helpers", "aliases"}) {
    if (filled && is_filled(table.get(key))) {
      return error(ErrorCode::kInvalid,
                   "line {}: [registries.…] of version 1 beside {} of version 2",
                   static_cast<unsigned>(node->source().begin.line), key);
    }
  }
  return filled;
}

}  // namespace

Status parse_registries_conf(std::string_view text, RegistryConfig& config, ConfPlace place) {
  // Names of registries are ASCII. What is not stands in comments, mostly, and toml++ 3.3 is
  // undefined for some of it (U+FEBF as a key).
  std::string ascii(text);
  for (char& c : ascii) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  toml::parse_result parsed = toml::parse(ascii);
  if (!parsed) {
    const toml::source_position& at = parsed.error().source().begin;
    return error(ErrorCode::kInvalid, "line {}, column {}: {}", static_cast<unsigned>(at.line),
                 static_cast<unsigned>(at.column), parsed.error().description());
  }
  const toml::table& table = parsed.table();
  STRATA_TRY(const bool version_1, is_version_1(table));
  if (version_1) {
    if (place == ConfPlace::kFolder) {
      return error(
          ErrorCode::kInvalid,
          "this is version 1 of the format ([registries.…]), which the files of a .d "
          "folder cannot be; write [[registry]] tables, see containers-registries.conf(5)");
    }
    STRATA_TRY(std::vector<RegistryRule> rules,
               version_1_rules(*table.get("registries")->as_table()));
    config.rules.insert(config.rules.end(), rules.begin(), rules.end());
    return {};
  }
  const toml::node* rules = table.get("registry");
  if (rules == nullptr) return {};
  if (!rules->is_array()) return expected("registry", "an array of tables", *rules);
  for (const toml::node& node : *rules->as_array()) {
    if (!node.is_table()) return expected("registry", "an array of tables", node);
    STRATA_TRY(RegistryRule rule, rule_of(*node.as_table()));
    config.rules.push_back(std::move(rule));
  }
  return {};
}

Status parse_daemon_json(std::string_view text, RegistryConfig& config) {
  STRATA_TRY(boost::json::value value, oci::parse_json(text));
  if (!value.is_object()) return oci::type_error(value, "config.Config");
  const boost::json::object& object = value.get_object();
  STRATA_TRY(config.insecure, oci::get_strings(object, "Config", "insecure-registries"));
  for (std::string& host : config.insecure) {
    for (std::string_view scheme : {"http://", "https://"}) {
      const bool has_it = ::strncasecmp(host.c_str(), scheme.data(), scheme.size()) == 0;
      if (has_it) host.erase(0, scheme.size());
    }
  }
  STRATA_TRY(config.hub_mirrors, oci::get_strings(object, "Config", "registry-mirrors"));
  for (const std::string& mirror : config.hub_mirrors) STRATA_CHECK(Url::parse(mirror));
  return {};
}

}  // namespace strata::registry
