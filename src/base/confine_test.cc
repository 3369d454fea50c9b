// SPDX-License-Identifier: Apache-2.0
#include "base/confine.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/fs_at.h"
#include "base/nameless_file.h"
#include "base/test_support.h"

namespace strata {
namespace {

// A folder that holds `given/` and `other/`, each with a file `kept`.
class ConfinedThread : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!confinement_available().files || !confinement_available().calls) {
      GTEST_SKIP() << "this kernel does not confine";
    }
    char name[] = "/tmp/strata-confine-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    path_ = name;
    folder_ = must(open_path(path_, O_RDONLY | O_DIRECTORY));
    for (const char* child : {"given", "other"}) {
      must(mkdir_at(folder_, child, 0755));
      must(write_file_at(folder_, fmt::format("{}/kept", child), "kept", 0644));
    }
    given_ = must(open_dir_at(folder_, "given"));
  }
  void TearDown() override {
    if (!path_.empty()) must(remove_tree_at(Fd(), path_));
  }
  // Runs `body` in a thread that has only `given/`.
  void confined(const std::function<void()>& body, bool read_elsewhere = false) {
    std::thread([&] {
      const Confined done = confine_thread({{given_.get()}, read_elsewhere});
      EXPECT_TRUE(done.files);
      EXPECT_TRUE(done.calls);
      body();
    }).join();
  }
  ErrorCode code_of_open(const std::string& path, int flags) {
    Result<Fd> file = open_at(folder_, path, flags, 0644);
    EXPECT_FALSE(file.ok()) << path;
    return file.ok() ? ErrorCode::kIo : file.error().code();
  }

  std::string path_;
  Fd folder_;
  Fd given_;
};

TEST_F(ConfinedThread, ChangesFilesInItsFolderOnly) {
  confined([&] {
    EXPECT_EQ(code_of_open("other/kept", O_WRONLY), ErrorCode::kPermission);
    EXPECT_EQ(code_of_open("other/kept", O_WRONLY | O_TRUNC), ErrorCode::kPermission);
    EXPECT_EQ(code_of_open("other/made", O_WRONLY | O_CREAT), ErrorCode::kPermission);
    EXPECT_EQ(code_of_open("/etc/strata-confined", O_WRONLY | O_CREAT), ErrorCode::kPermission);
    EXPECT_FALSE(unlink_at(folder_, "other/kept").ok());
    EXPECT_FALSE(symlink_at("x", folder_, "other/link").ok());
    EXPECT_FALSE(mkdir_at(folder_, "other/folder", 0755).ok());
    EXPECT_FALSE(rename_at(folder_, "given/kept", folder_, "other/moved", Existing::kReplace).ok());
    EXPECT_NE(::linkat(folder_.get(), "other/kept", given_.get(), "stolen", 0), 0);

    must(write_file_at(given_, "made", "x", 0644));
    must(mkdir_at(given_, "folder", 0755));
    must(rename_at(given_, "made", given_, "folder/made", Existing::kKeep));
    must(symlink_at("/etc", given_, "link"));
    EXPECT_EQ(code_of_open("given/link/strata-confined", O_WRONLY | O_CREAT),
              ErrorCode::kPermission);
    EXPECT_EQ(::mkfifoat(given_.get(), "fifo", 0600), 0);
    Fd temporary = must(nameless_file(given_));
    must(write_all(temporary.get(), as_bytes("x")));
    EXPECT_EQ(::ftruncate(temporary.get(), 0), 0);
    must(remove_tree_at(given_, "folder"));
  });
  must(write_file_at(folder_, "other/made", "the others go on as before", 0644));
}

TEST_F(ConfinedThread, ReadsElsewhereOnlyIfItMay) {
  confined([&] {
    EXPECT_EQ(code_of_open("other/kept", O_RDONLY), ErrorCode::kPermission);
    EXPECT_EQ(must(read_file_at(given_, "kept")), "kept");
  });
  confined([&] { EXPECT_EQ(must(read_file_at(folder_, "other/kept")), "kept"); }, true);
}

TEST_F(ConfinedThread, WritesOnThroughWhatIsOpen) {
  Fd open = must(open_at(folder_, "other/kept", O_WRONLY));
  confined([&] { must(write_all(open.get(), as_bytes("changed"))); });
}

TEST_F(ConfinedThread, StartsNothing) {
  confined([&] {
    const char* const none[] = {nullptr};
    // A name that does not exist: were it not refused, the test would not turn into another program.
    EXPECT_NE(::syscall(SYS_execve, "/no/such/program", none, none), 0);
    EXPECT_EQ(errno, EPERM);
#ifndef __SANITIZE_ADDRESS__  // its leak check is allowed a process (confine.cc)
    errno = 0;
    const long child = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) ::_exit(0);
    EXPECT_EQ(child, -1);
    EXPECT_EQ(errno, EPERM);
#endif
    bool ran = false;
    std::thread([&] {
      ran = true;
      EXPECT_EQ(code_of_open("other/made", O_WRONLY | O_CREAT), ErrorCode::kPermission);
    }).join();
    EXPECT_TRUE(ran);  // threads it may start, and they are as confined
  });
}

TEST_F(ConfinedThread, HasNoUseForTheRestOfTheSystem) {
  confined([&] {
    EXPECT_EQ(::socket(AF_INET, SOCK_STREAM, 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::socket(AF_UNIX, SOCK_STREAM, 0), -1);
    const std::array<long, 8> calls = {SYS_mount,  SYS_unshare,          SYS_setns,
                                       SYS_bpf,    SYS_keyctl,           SYS_init_module,
                                       SYS_chroot, SYS_open_by_handle_at};
    for (const long call : calls) {
      errno = 0;
      EXPECT_EQ(::syscall(call, 0, 0, 0, 0, 0), -1) << call;
      EXPECT_EQ(errno, EPERM) << call;
    }
  });
  Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  EXPECT_TRUE(socket.valid());  // the others may
}

TEST_F(ConfinedThread, RemovesEmptyFoldersWhereItMay) {
  must(mkdir_at(folder_, "other/empty", 0755));
  std::thread([&] {
    confine_thread({.folders = {given_.get()}, .empty_folders_below = folder_.get()});
    EXPECT_TRUE(remove_folder_at(folder_, "other/empty").ok());
    EXPECT_FALSE(unlink_at(folder_, "other/kept").ok());
    EXPECT_FALSE(mkdir_at(folder_, "other/empty", 0755).ok());
    EXPECT_FALSE(write_file_at(folder_, "other/made", "x", 0644).ok());
    EXPECT_FALSE(rename_at(folder_, "other/kept", given_, "kept", Existing::kKeep).ok());
  }).join();
  EXPECT_TRUE(lstat_at(folder_, "other/kept").ok());
}

TEST_F(ConfinedThread, GivesBackWhatItsBodyReturned) {
  Status status = run_confined({{given_.get()}}, [&]() -> Status {
    return write_file_at(folder_, "other/made", "x", 0644);
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kPermission);
  EXPECT_TRUE(run_confined({}, [] { return Status(); }).ok());
}

// Takes the calls from the process: as a kernel without them would answer.
bool refuse_calls(uint32_t first, uint32_t last, int error) {
  std::array<sock_filter, 5> code = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// What the child process says by its exit code; 0: all as it should be.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Confinement, IsLeftOutWhereTheKernelHasNone) {
  for (const int error : {ENOSYS, EOPNOTSUPP, EPERM}) {
    EXPECT_EQ(in_child([&] {
                if (!refuse_calls(444, 446, error)) return 2;
                if (confinement_available().files) return 3;
                if (confine_thread({}).files) return 4;
                return temporary_file().ok() ? 0 : 5;
              }),
              0)
        << error;
    EXPECT_EQ(in_child([&] {
                if (!refuse_calls(SYS_seccomp, SYS_seccomp, error)) return 2;
                if (confinement_available().calls) return 3;
                if (confine_thread({}).calls) return 4;
                return Fd(::socket(AF_UNIX, SOCK_STREAM, 0)).valid() ? 0 : 5;
              }),
              0)
        << error;
  }
}

}  // namespace
}  // namespace strata
