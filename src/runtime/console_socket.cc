// SPDX-License-Identifier: Apache-2.0
#include "runtime/console_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace strata::runtime {

Result<ConsoleSocket> ConsoleSocket::open(const Fd& bundle) {
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.valid()) return errno_error(errno, "make a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Not the folder's own path: an address has room for 107 bytes.
  const std::string path = fmt::format("/proc/self/fd/{}/{}", bundle.get(), kName);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 1) != 0) {
    return errno_error(errno, "make the console's socket");
  }
  return ConsoleSocket(std::move(listener));
}

Result<Fd> ConsoleSocket::receive() const {
  Fd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer.valid()) return errno_error(errno, "accept the runtime's console");
  std::array<char, 4096> text;
  iovec data{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t count = 0;
  do {
    count = ::recvmsg(peer.get(), &message, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno_error(errno, "receive the runtime's console");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return Fd();
  int console = -1;
  std::memcpy(&console, CMSG_DATA(header), sizeof console);
  return Fd(console);
}

}  // namespace strata::runtime
