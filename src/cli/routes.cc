// SPDX-License-Identifier: Apache-2.0
#include "cli/routes.h"

#include <algorithm>

namespace strata::cli {
namespace {

constexpr Group kGroups[] = {{"container", "Manage containers"},
                             {"image", "Manage images"},
                             {"manifest", "Look at manifests in registries"},
                             {"remote", "Look at images in registries"},
                             {"system", "Look at the data root"}};

// In order of their names within the group.
constexpr Route kRoutes[] = {
    {"build", "image", "build", "", "[OPTIONS] PATH | URL | -", "Build an image from a Dockerfile",
     1, 1, make_build},
    {"check", "system", "check", "", "[OPTIONS]", "Look for damage in the data root", 0, 0,
     make_check},
    {"commit", "container", "commit", "", "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
     "Create a new image from a container's changes", 1, 2, make_commit},
    {"copy", "image", "copy", "", "[OPTIONS] SOURCE DESTINATION",
     "Copy an image between registries, roots, archives and OCI folders", 2, 2, make_copy},
    {"cp", "container", "cp", "", "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-",
     "Copy files/folders between a container and the local filesystem", 2, 2, make_cp},
    {"create", "container", "create", "", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
     "Create a new container", 1, kAnyNumber, make_create},
    {"diff", "container", "diff", "", "CONTAINER",
     "Inspect changes to files or directories on a container's filesystem", 1, 1, make_diff},
    {"", "system", "df", "", "[OPTIONS]", "Show how much disk the root uses", 0, 0, make_df},
    {"export", "container", "export", "", "[OPTIONS] CONTAINER",
     "Export a container's filesystem as a tar archive, or an image's", 1, 1, make_export},
    {"", "container", "inspect", "", "[OPTIONS] CONTAINER [CONTAINER...]",
     "Display detailed information on one or more containers", 1, kAnyNumber,
     make_container_inspect},
    {"kill", "container", "kill", "", "[OPTIONS] CONTAINER [CONTAINER...]",
     "Kill one or more running containers", 1, kAnyNumber, make_kill},
    {"logs", "container", "logs", "", "[OPTIONS] CONTAINER", "Fetch the logs of a container", 1, 1,
     make_logs},
    {"ps", "container", "ls", "list ps", "[OPTIONS]", "List containers", 0, 0, make_ps},
    {"", "container", "prune", "", "[OPTIONS]", "Remove all stopped containers", 0, 0,
     make_container_prune},
    {"rm", "container", "rm", "remove", "[OPTIONS] CONTAINER [CONTAINER...]",
     "Remove one or more containers", 1, kAnyNumber, make_rm},
    {"start", "container", "start", "", "[OPTIONS] CONTAINER",
     "Start a container, in the foreground", 1, 1, make_start},
    {"stop", "container", "stop", "", "[OPTIONS] CONTAINER [CONTAINER...]",
     "Stop one or more running containers", 1, kAnyNumber, make_stop},
    {"wait", "container", "wait", "", "CONTAINER [CONTAINER...]",
     "Block until one or more containers stop, then print their exit codes", 1, kAnyNumber,
     make_wait},
    {"history", "image", "history", "", "[OPTIONS] IMAGE", "Show the history of an image", 1, 1,
     make_history},
    {"", "image", "inspect", "", "[OPTIONS] IMAGE [IMAGE...]",
     "Display detailed information on one or more images", 1, kAnyNumber, make_image_inspect},
    {"images", "image", "ls", "list", "[OPTIONS] [REPOSITORY[:TAG]]", "List images", 0, 1,
     make_images},
    {"import", "image", "import", "", "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
     "Import the contents from a tarball to create a filesystem image", 1, 2, make_import},
    {"info", "system", "info", "", "[OPTIONS]", "Display information on the root and the system", 0,
     0, make_info},
    {"inspect", "", "", "", "[OPTIONS] NAME|ID [NAME|ID...]",
     "Return low-level information on containers and images", 1, kAnyNumber, make_inspect},
    {"layers", "image", "layers", "", "[OPTIONS] IMAGE | --export [IMAGE...]",
     "List the layers of an image and who shares them", 0, kAnyNumber, make_layers},
    {"load", "image", "load", "", "[OPTIONS]", "Load images from an archive, a folder or STDIN", 0,
     0, make_load},
    {"login", "", "", "", "[OPTIONS] [SERVER]", "Log in to a registry", 0, 1, make_login},
    {"logout", "", "", "", "[OPTIONS] [SERVER]", "Log out from a registry", 0, 1, make_logout},
    {"", "manifest", "inspect", "", "[OPTIONS] MANIFEST", "Display a manifest, or a list of them",
     1, 1, make_manifest_inspect},
    {"mount", "image", "mount", "", "IMAGE [TARGET]", "Mount an image's files read-only", 1, 2,
     make_mount},
    {"", "image", "prune", "", "[OPTIONS]", "Remove unused images", 0, 0, make_prune},
    {"pull", "image", "pull", "", "[OPTIONS] NAME[:TAG|@DIGEST] [NAME[:TAG|@DIGEST]...]",
     "Pull images from a registry, or from another host", 1, kAnyNumber, make_pull},
    {"push", "image", "push", "", "[OPTIONS] NAME[:TAG] | ssh://[USER@]HOST[:PORT][/ROOT] IMAGE...",
     "Upload an image to a registry, or images to another host", 1, kAnyNumber, make_push},
    {"recover", "system", "recover", "", "[OPTIONS] ROOT IMAGE [IMAGE...]",
     "Get images out of a damaged data root, into an archive", 2, kAnyNumber, make_recover},
    {"", "remote", "digest", "", "[OPTIONS] NAME[:TAG]",
     "Show the digest that a registry has for a tag", 1, 1, make_remote_digest},
    {"", "remote", "inspect", "", "[OPTIONS] NAME[:TAG|@DIGEST]",
     "Display information on an image in a registry", 1, 1, make_remote_inspect},
    {"", "remote", "rm", "", "[OPTIONS] NAME[:TAG|@DIGEST] [NAME...]",
     "Remove tags or manifests from a registry", 1, kAnyNumber, make_remote_rm},
    {"repair", "system", "repair", "", "[OPTIONS]", "Mend what is damaged in the data root", 0, 0,
     make_repair},
    {"rmi", "image", "rm", "rmi remove", "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images",
     1, kAnyNumber, make_rmi},
    {"run", "container", "run", "", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
     "Run a command in a new container", 1, kAnyNumber, make_run},
    {"save", "image", "save", "", "[OPTIONS] IMAGE [IMAGE...]",
     "Save one or more images to an archive (streamed to STDOUT by default)", 1, kAnyNumber,
     make_save},
    {"", "system", "serve-stdio", "", "", "", 0, 0, make_serve_stdio},
    {"tag", "image", "tag", "", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
     "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", 2, 2, make_tag},
    {"tags", "image", "tags", "", "[OPTIONS] NAME", "List the tags that a registry has", 1, 1,
     make_tags},
    {"umount", "image", "umount", "unmount", "TARGET|IMAGE", "Take an image's mount away", 1, 1,
     make_umount},
    {"version", "", "", "", "[OPTIONS]", "Show the version information", 0, 0, make_version},
};

bool has_word(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    std::string_view word = words.substr(0, words.find(' '));
    if (word == wanted) return true;
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  return false;
}

}  // namespace

std::span<const Group> groups() { return kGroups; }
std::span<const Route> routes() { return kRoutes; }

const Route* find_route(std::string_view group, std::string_view name) {
  for (const Route& route : routes()) {
    if (group.empty()) {
      if (!route.flat.empty() && route.flat == name) return &route;
      continue;
    }
    if (route.group != group) continue;
    if (route.name == name || has_word(route.aliases, name)) return &route;
  }
  return nullptr;
}

const Group* find_group(std::string_view name) {
  for (const Group& group : groups()) {
    if (group.name == name) return &group;
  }
  return nullptr;
}

}  // namespace strata::cli
