#include "engine/atomic_journal.h"

#include "base/log.h"
#include "engine/logical_unit.h"
#include "engine/own_medium.h"
#include "wire/crc32c.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

namespace targe::engine {

namespace {

constexpr std::string_view kMagic = "atomic write 1\n";

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

/// A number and the newline after it, taken from the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto used = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || used >= text.size() || *end != '\n') {
        return std::nullopt;
    }
    text.remove_prefix(used + 1);
    return value;
}

/// What was erased since is not put back.
base::Task<bool> write_and_forget(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own,
                                  const AtomicImage& image, const LatestErasure& before) {
    if (!image.bytes.empty() && unit.home().state().progress == before) {
        const std::span<const std::byte> bytes = bytes_of(image.bytes);
        const base::ConstSegment from{bytes.data(), bytes.size()};
        const device::IoResult written =
            co_await on_own_medium(arena, unit, own, [&](base::CommandArena& frames) {
                return unit.device().write(frames, image.lba, {&from, 1}, device::Durability::durable);
            });
        if (!written) {
            co_return false;
        }
    }
    co_return co_await unit.settings().store->keep(arena, Kept::atomic_write, {});
}

/// False: the daemon ends first, and the next start goes on with it; or it is another medium.
base::Task<bool> write_until_forgotten(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own,
                                       const AtomicImage& image, const LatestErasure& before) {
    constexpr std::chrono::milliseconds kBetweenTries{50};
    bool said = false;
    while (!unit.stopping()) {
        if (co_await write_and_forget(arena, unit, own, image, before)) {
            co_return true;
        }
        if (own.is_another) {
            co_return false;
        }
        if (!std::exchange(said, true)) {
            TARGE_LOG(error, "device",
                      "{}: an atomic write cannot be brought to its end, because the store or the state "
                      "directory fails; nobody may use its blocks until it can",
                      unit.name());
        }
        co_await base::sleep_for(unit.home().core(), kBetweenTries);
    }
    co_return false;
}

base::Task<void> let_everybody_in(base::CommandArena& /*arena*/, LogicalUnit& unit) {
    Change change{unit.home()};
    co_await change.begin();
    if (change.state().work == MediumWork::recovering) {
        change.state().work = MediumWork::none;
    }
    co_await change.commit();
}

}  // namespace

std::string text_of(std::span<const std::byte> bytes) {
    std::string text(bytes.size(), '\0');
    std::memcpy(text.data(), bytes.data(), bytes.size());
    return text;
}

std::string keep_image(std::uint64_t lba, std::uint32_t block_size, std::span<const std::byte> bytes) {
    std::string text{kMagic};
    for (const std::uint64_t number : {lba * block_size, std::uint64_t{wire::crc32c(0, bytes)}}) {
        text += std::to_string(number) + "\n";
    }
    return text + text_of(bytes);
}

std::optional<AtomicImage> kept_image(std::string_view text, const device::Geometry& geometry) {
    if (!text.starts_with(kMagic)) {
        return std::nullopt;
    }
    text.remove_prefix(kMagic.size());
    const auto offset = take_number(text);
    const auto crc = offset ? take_number(text) : std::nullopt;
    if (!crc || *crc != wire::crc32c(0, bytes_of(text)) || *offset % geometry.block_size != 0 ||
        text.empty() || text.size() % geometry.block_size != 0) {
        return std::nullopt;
    }
    const std::uint64_t lba = *offset / geometry.block_size;
    const std::uint64_t blocks = text.size() / geometry.block_size;
    if (lba > geometry.blocks || blocks > geometry.blocks - lba) {
        return std::nullopt;
    }
    return AtomicImage{.lba = lba, .bytes = std::string(text)};
}

void AtomicJournal::pass(base::Core& home) {
    if (waiting_.empty()) {
        state_ = State::free;
        return;
    }
    const auto next = waiting_.front();
    waiting_.pop_front();
    base::post(home, [next] { next.resume(); });  // in a later turn: a row of them must not grow the stack
}

void AtomicJournal::break_off(base::Core& home) {
    state_ = State::broken;
    for (const auto each : std::exchange(waiting_, {})) {
        base::post(home, [each] { each.resume(); });
    }
}

Background recover(std::shared_ptr<LogicalUnit> unit, std::uint64_t medium, AtomicImage image,
                   std::unique_ptr<RangeHold> hold) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    OwnMedium own{.number = medium};
    const LatestErasure before = unit->home().state().progress;
    if (co_await write_until_forgotten(arena, *unit, own, image, before)) {
        unit->home().journal().mend();
        hold->release();
    } else if (own.is_another) {
        // First, because the lanes do not close while a command that has begun waits for the range. Nobody
        // keeps anything in the journal before they have.
        hold->release();
        co_await hold_back(arena, *unit, before);
        unit->home().journal().mend();
    }
}

Background recover_at_start(std::shared_ptr<LogicalUnit> unit, std::uint64_t medium) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    const auto kept = unit->settings().store->kept(Kept::atomic_write);
    const auto image = kept_image(kept.value_or(""), unit->device().geometry());
    if (!image) {
        TARGE_LOG(
            error, "device",
            "{}: an atomic write was interrupted, and what is kept of it cannot be used: it is damaged, or "
            "the block size or the size of the device is another now; nobody may use the unit until "
            "that is undone, or its file in the state directory is removed",
            unit->name());
        co_return;
    }
    OwnMedium own{.number = medium};
    const LatestErasure before = unit->home().state().progress;
    if (co_await write_until_forgotten(arena, *unit, own, *image, before)) {
        co_await let_everybody_in(arena, *unit);
    } else if (own.is_another) {
        co_await hold_back(arena, *unit, before);
    }
}

}  // namespace targe::engine
