// What a container allows, read from files as the kernel writes them.
#include "core/system_limits.h"

#include <gmock/gmock.h>
#include <sched.h>

#include "core/parallel.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::TempDir;
using testing::HasSubstr;

int affinity() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

// Files of a machine with 8 GiB available.
class Limits : public testing::Test {
 protected:
  Limits() { write("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n"); }
  void write(const std::string& file, const std::string& text) const { dir_.write(file, std::string_view(text)); }
  void unified(const std::string& path, const std::string& mounted_root = "/") const {
    write("proc/self/cgroup", "0::" + path + "\n");
    write("proc/self/mountinfo",
          "30 24 0:26 " + mounted_root + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  void legacy(const std::string& path) const {
    write("proc/self/cgroup", "4:memory:" + path + "\n1:cpu,cpuacct:" + path + "\n0::/\n");
    write("proc/self/mountinfo",
          "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
          "32 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
          "33 24 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  }
  TempDir dir_;
};

TEST_F(Limits, WithoutGroupsTheMachineLimits) {
  const CoreLimit cores = core_limit(dir_.path());
  EXPECT_EQ(cores.cores, affinity());
  EXPECT_EQ(cores.reason, "");
  EXPECT_EQ(memory_limit(dir_.path()).available, int64_t{8} << 30);
  EXPECT_EQ(memory_limit(dir_.path()).reason, "MemAvailable");
  EXPECT_EQ(memory_limit("/nowhere").available, std::numeric_limits<int64_t>::max());
}

TEST_F(Limits, QuotaOfV2RoundsUpAndHoldsForGroupsBelow) {
  unified("/outer/inner");
  write("sys/fs/cgroup/outer/cpu.max", "50000 100000\n");
  write("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  CoreLimit limit = core_limit(dir_.path());
  EXPECT_DOUBLE_EQ(limit.quota, 0.5);
  EXPECT_EQ(limit.cores, 1);
  write("sys/fs/cgroup/outer/cpu.max", "100001 100000\n");
  limit = core_limit(dir_.path());
  EXPECT_EQ(limit.cores, std::min(2, affinity()));
  write("sys/fs/cgroup/outer/cpu.max", "100000000 100000\n");
  limit = core_limit(dir_.path());
  EXPECT_EQ(limit.cores, affinity()) << "more than the affinity allows limits nothing";
  EXPECT_EQ(limit.reason, "");
}

TEST_F(Limits, QuotaOfV1) {
  legacy("/docker/abc");
  write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(core_limit(dir_.path()).cores, affinity());
  write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "25000\n");
  const CoreLimit limit = core_limit(dir_.path());
  EXPECT_EQ(limit.cores, 1);
  if (affinity() > 1) {
    EXPECT_THAT(limit.reason, HasSubstr("0.25 cores"));
  }
}

TEST_F(Limits, InAContainerTheMountPointIsTheGroup) {
  unified("/kubepods/pod7/inside", "/kubepods/pod7");
  write("sys/fs/cgroup/inside/cpu.max", "30000 100000\n");
  EXPECT_DOUBLE_EQ(core_limit(dir_.path()).quota, 0.3);
  unified("/not/visible/here");
  write("sys/fs/cgroup/cpu.max", "20000 100000\n");
  EXPECT_DOUBLE_EQ(core_limit(dir_.path()).quota, 0.2);
}

TEST_F(Limits, MemoryOfV2CountsPagesOfFilesAsFree) {
  unified("/a/b");
  write("sys/fs/cgroup/a/memory.max", "1073741824\n");
  write("sys/fs/cgroup/a/memory.current", "805306368\n");
  write("sys/fs/cgroup/a/memory.stat", "anon 536870912\ninactive_file 134217728\nactive_file 134217728\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/b/memory.current", "805306368\n");
  const MemoryLimit limit = memory_limit(dir_.path());
  EXPECT_EQ(limit.available, int64_t{512} << 20);
  EXPECT_THAT(limit.reason, HasSubstr("sys/fs/cgroup/a"));
}

TEST_F(Limits, MemoryOfV1) {
  legacy("/docker/abc");
  write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "1073741824\n");
  write("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "268435456\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "4294967296\n");
  EXPECT_EQ(memory_limit(dir_.path()).available, int64_t{768} << 20);
}

TEST_F(Limits, MalformedFilesLimitNothing) {
  unified("/a");
  write("sys/fs/cgroup/a/cpu.max", "many few\n");
  write("sys/fs/cgroup/a/memory.max", "-\n");
  EXPECT_EQ(core_limit(dir_.path()).cores, affinity());
  EXPECT_EQ(memory_limit(dir_.path()).reason, "MemAvailable");
  write("proc/self/cgroup", "::\n0\n:x:\n");
  write("proc/self/mountinfo", "- cgroup2\n");
  EXPECT_EQ(core_limit(dir_.path()).cores, affinity());
}

TEST(CoreLimitHere, IsWhatLoopsUse) { EXPECT_EQ(threads(), core_limit().cores); }

}  // namespace
}  // namespace ghost
