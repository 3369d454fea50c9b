// SPDX-License-Identifier: Apache-2.0
// JSON values read and written as Go's encoding/json does it, which is how docker's files look:
// digests are taken over these very bytes. Values are boost::json's; the text is our own.
// Objects keep the order of their members; of a name that comes twice the last counts, but a null
// does not undo what stood before, as when Go decodes into a struct. Integers of 64 bits are exact,
// other numbers become doubles: where a text must come out again as it was, keep it and use
// compact_json().
// Threads: functions without state.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::oci {

// Whether text after the value is an error (json.Unmarshal) or ignored (json.Decoder). The two also
// word an early end differently: "unexpected end of JSON input", or "unexpected EOF" and "EOF".
enum class JsonEnd { kWhole, kStream };

// Parses one value. `what`, if not empty, goes in front of the error.
// Errors: kInvalid with Go's text, e.g. "invalid character 'h' looking for beginning of value";
// also for containers nested deeper than kMaxJsonDepth.
Result<boost::json::value> parse_json(std::string_view text, std::string_view what = {},
                                      JsonEnd end = JsonEnd::kWhole);

// The text as json.Compact with HTML escaping leaves it, which is what happens to a json.RawMessage
// that Go writes: no space outside of strings, < > & U+2028 U+2029 escaped, all else as it was.
// Errors: as parse_json.
Result<std::string> compact_json(std::string_view text);

// The value as json.Marshal writes it: no space, members in the order they stand.
std::string go_json(const boost::json::value& value);
// The same as json.MarshalIndent writes it; docker inspect uses "" and four spaces.
std::string go_json_indented(const boost::json::value& value, std::string_view prefix,
                             std::string_view indent);
// Appends `text` as a JSON string with Go's escapes (those before Go 1.22: \u0008, not \b).
void append_go_string(std::string& out, std::string_view text);

// The object with its members sorted bytewise by name, as Go writes a map. Not recursive.
boost::json::object sorted_by_name(const boost::json::object& object);

// The member that Go would decode into a field of that name: equal but for ASCII case, and not
// null. Null pointer if there is none.
const boost::json::value* find_member(const boost::json::object& object, std::string_view name);

// Readers of one member. `owner` is how Go names the place ("Image", "RootFS.rootfs"). A member
// that is absent or null gives the empty value.
// Errors: kInvalid, "json: cannot unmarshal number into Go struct field Image.os of type string".
Result<std::string> get_string(const boost::json::object& object, std::string_view owner,
                               std::string_view name, std::string_view go_type = "string");
Result<int64_t> get_int64(const boost::json::object& object, std::string_view owner,
                          std::string_view name);
Result<bool> get_bool(const boost::json::object& object, std::string_view owner,
                      std::string_view name);
Result<std::vector<std::string>> get_strings(const boost::json::object& object,
                                             std::string_view owner, std::string_view name);
// Borrowed; null pointer if absent or null. `go_type` is the Go type that the error shall name.
Result<const boost::json::object*> get_object(const boost::json::object& object,
                                              std::string_view owner, std::string_view name,
                                              std::string_view go_type);
Result<const boost::json::array*> get_array(const boost::json::object& object,
                                            std::string_view owner, std::string_view name,
                                            std::string_view go_type);

// What Go calls the kind of a value in its errors: "object", "array", "string", "number", "bool".
std::string_view go_kind(const boost::json::value& value);

// "json: cannot unmarshal <kind> into Go struct field <owner>.<name> of type <go_type>".
Error type_error(const boost::json::value& found, std::string_view owner, std::string_view name,
                 std::string_view go_type);
// The same for a field that is an integer: "number 1.5" instead of "number".
Error integer_error(const boost::json::value& found, std::string_view owner, std::string_view name,
                    std::string_view go_type);
// "json: cannot unmarshal <kind> into Go value of type <go_type>": a text's outermost value.
Error type_error(const boost::json::value& found, std::string_view go_type);

}  // namespace strata::oci
