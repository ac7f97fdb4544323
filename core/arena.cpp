#include "core/arena.h"

#include <algorithm>
#include <sys/mman.h>

namespace ghost {
namespace {

constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20;

size_t up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

Reservation::Reservation(size_t bytes) {
  for (size_t wanted = up(bytes, kHugePage); wanted >= kHugePage; wanted = up(wanted / 2, kHugePage)) {
    void* p = mmap(nullptr, wanted + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED) {
      base_ = reinterpret_cast<char*>(up(reinterpret_cast<uintptr_t>(p), kHugePage));
      reserved_ = wanted;
      madvise(base_, reserved_, MADV_HUGEPAGE);
      return;
    }
    if (wanted == kHugePage) return;
  }
}

bool Reservation::extend(size_t bytes) {
  if (bytes <= usable_) return true;
  if (bytes > reserved_) return false;
  const size_t end = std::min(up(bytes, kHugePage), reserved_);
  if (mprotect(base_ + usable_, end - usable_, PROT_READ | PROT_WRITE) != 0) return false;
  usable_ = end, extensions_++;
  return true;
}

void Reservation::cut(size_t bytes) {
  const size_t end = up(bytes, kHugePage);
  if (end >= usable_) return;
  // A new mapping in place of the old one: protection alone would keep the memory.
  void* p = mmap(base_ + end, usable_ - end, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (p == MAP_FAILED) return;
  madvise(p, usable_ - end, MADV_HUGEPAGE);
  usable_ = end;
}

// Small: one of eight steps between powers of two, so that nearly equal requests share blocks; large: whole pages.
size_t Arena::rounded(size_t bytes) {
  if (bytes > kSmall) return up(bytes, kPage);
  size_t power = 512;
  while (power * 2 <= bytes) power *= 2;
  return up(std::max<size_t>(bytes, 1), std::max(bytes > 512 ? power / 8 : kAlignment, kAlignment));
}

void* Arena::take(size_t bytes) { return bytes > kSmall ? take_large(bytes) : take_small(bytes); }

void* Arena::take_small(size_t bytes) {
  std::vector<void*>& free = small_free_[bytes / kAlignment];
  if (!free.empty()) {
    void* block = free.back();
    free.pop_back();
    return block;
  }
  if (!small_.extend(small_end_ + bytes)) return nullptr;
  void* block = small_.base() + small_end_;
  small_end_ += bytes;
  return block;
}

void* Arena::take_large(size_t bytes) {
  const auto fit = by_size_.lower_bound({bytes, nullptr});
  if (fit == by_size_.end()) {
    if (!large_.extend(large_end_ + bytes)) return nullptr;
    char* block = large_.base() + large_end_;
    large_end_ += bytes;
    large_top_ = std::max(large_top_, large_end_);
    return block;
  }
  const auto [size, block] = *fit;
  remove_hole(holes_.find(block));
  if (size > bytes) add_hole(block + bytes, size - bytes);
  return block;
}

bool Arena::give_back(void* p, size_t bytes) {
  if (small_.holds(p)) {
    small_free_[bytes / kAlignment].push_back(p);
    return true;
  }
  if (!large_.holds(p)) return false;
  char* block = static_cast<char*>(p);
  const auto after = holes_.lower_bound(block);
  if (after != holes_.begin()) {
    if (const auto before = std::prev(after); before->first + before->second == block) {
      block = before->first, bytes += before->second;
      remove_hole(before);
    }
  }
  if (after != holes_.end() && after->first == block + bytes) {
    bytes += after->second;
    remove_hole(after);
  }
  if (block + bytes == large_.base() + large_end_)
    large_end_ -= bytes;
  else
    add_hole(block, bytes);
  return true;
}

void Arena::add_hole(char* at, size_t bytes) {
  holes_.emplace(at, bytes);
  by_size_.emplace(bytes, at);
}
void Arena::remove_hole(std::map<char*, size_t>::iterator hole) {
  by_size_.erase({hole->second, hole->first});
  holes_.erase(hole);
}

void Arena::release() {
  large_.cut(large_end_);
  large_top_ = large_end_;
  for (const auto& [block, bytes] : holes_) madvise(block, bytes, MADV_DONTNEED);
}

}  // namespace ghost
