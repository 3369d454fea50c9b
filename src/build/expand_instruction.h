// SPDX-License-Identifier: Apache-2.0
// Expands an instruction where docker does: in ADD, COPY, ENV, LABEL, ARG, USER, VOLUME, WORKDIR,
// STOPSIGNAL, in the mounts of RUN and the content of heredocs that are copied.
// Threads: functions without state.
#pragma once

#include "base/result.h"
#include "build/instruction.h"
#include "build/mount.h"

namespace strata::build {

// Replaces the words in place. EXPOSE, whose words may become several, RUN's mounts (parse_mount takes
// the same function) and COPY --from are left as they are.
// `expand_text` is for heredocs: quotes in them mean nothing.
// Errors: those of the functions.
Status expand_instruction(InstructionBody& body, const ExpandWord& expand_word,
                          const ExpandWord& expand_text);

}  // namespace strata::build
