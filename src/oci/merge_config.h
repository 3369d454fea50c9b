// SPDX-License-Identifier: Apache-2.0
// What a config takes over from the one below it: a new container's from its image's, a committed
// image's from its container's.
// Source:  FORMATS section 7.5; dockerd 20.10 and 28.
// Threads: values.
#pragma once

#include "oci/container_config.h"

namespace strata::oci {

// `config` keeps what it says itself. Lists and maps are joined (Env, Labels, ExposedPorts,
// Volumes); Entrypoint is taken over as a whole, and with it Cmd where both are empty. Labels are
// never null afterwards. OnBuild, Shell, Hostname and the like are not taken over.
void merge_config(ContainerConfig& config, const ContainerConfig& below);

}  // namespace strata::oci
