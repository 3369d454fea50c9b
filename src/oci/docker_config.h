// SPDX-License-Identifier: Apache-2.0
// The "config" and "container_config" of an image in the form in which docker's own structs write
// them: members in the structs' order, unknown ones dropped.
// Source: FORMATS sections 6.1 and 7.1 (container.Config, image.V1Image).
// Threads: functions without state.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "base/result.h"

namespace strata::oci {

// The config re-encoded in struct order. `owner` is how Go names the place ("Config.config").
// Errors: kInvalid, json.h's type errors for members of a wrong type.
Result<boost::json::object> container_config_struct(const boost::json::object& config,
                                                    std::string_view owner);

// The config of nothing: every member that is always written, as "", false or null.
boost::json::object zero_container_config();

// image.V1Image of an image config or of a legacy layer's `json`: id, parent, comment, created,
// container, container_config, docker_version, author, config, architecture, variant, os, Size, in
// that order and those that are set; created and container_config are always there.
// Errors: kInvalid, as above, and those of a malformed time.
Result<boost::json::object> v1_image_struct(const boost::json::object& image,
                                            std::string_view owner = "V1Image");

}  // namespace strata::oci
