// What a handler does to a range without targed moving its data: zeroes, unmapping, one block over and over,
// copies, and reads that leave them where the handler has put them.
#include "device/user_device.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace targe::device {

namespace {

/// The handler leaves it to whoever asked.
bool is_left_to_us(const UserRequest& request) {
    return request.end == UserRequest::End::answered &&
           (request.answer.error == ENOTSUP || request.answer.error == ENOSYS);
}

}  // namespace

void UserDevice::set_range(UserRequest& request, std::uint8_t op, std::uint64_t lba,
                           std::uint64_t blocks) const {
    request.op = op;
    request.offset = lba * settings_.block_size;
    request.length = blocks * settings_.block_size;
}

base::Task<IoResult> UserDevice::unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) {
    UserRequest request;
    set_range(request, TARGE_OP_UNMAP, lba, blocks);
    co_return co_await perform(arena, request);
}

base::Task<IoResult> UserDevice::write_zeroes(base::CommandArena& arena, std::uint64_t lba,
                                              std::uint64_t blocks, bool may_unmap, Durability durability) {
    if (!can(TARGE_CAN_WRITE_ZEROES)) {
        co_return co_await write_out_zeroes(arena, lba, blocks, durability);
    }
    UserRequest request;
    set_range(request, TARGE_OP_WRITE_ZEROES, lba, blocks);
    request.flags = (durability == Durability::durable ? std::uint32_t{TARGE_SLOT_DURABLE} : 0) |
                    (may_unmap ? std::uint32_t{TARGE_SLOT_MAY_UNMAP} : 0);
    co_return co_await perform(arena, request);
}

base::Task<IoResult> UserDevice::write_out_zeroes(base::CommandArena& arena, std::uint64_t lba,
                                                  std::uint64_t blocks, Durability durability) {
    constexpr std::size_t kZeroes = 65536;
    static constexpr std::array<std::byte, kZeroes> kNothing{};
    std::uint64_t left = blocks * settings_.block_size;
    while (left > 0) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, kZeroes));
        const base::ConstSegment from{kNothing.data(), size};
        const IoResult written = co_await write(arena, lba, {&from, 1}, durability);
        if (!written) {
            co_return written;
        }
        lba += size / settings_.block_size;
        left -= size;
    }
    co_return IoResult{};
}

base::Task<std::expected<Extent, IoFailure>> UserDevice::block_status(base::CommandArena& arena,
                                                                      std::uint64_t lba,
                                                                      std::uint64_t blocks) {
    if (!can(TARGE_CAN_BLOCK_STATUS)) {
        co_return Extent{.lba = lba, .blocks = blocks, .mapped = true};
    }
    UserRequest request;
    set_range(request, TARGE_OP_BLOCK_STATUS, lba, blocks);
    const IoResult asked = co_await perform(arena, request);
    if (!asked) {
        co_return std::unexpected(asked.error());
    }
    co_return Extent{.lba = lba,
                     .blocks = static_cast<std::uint64_t>(request.answer.information) / settings_.block_size,
                     .mapped = request.answer.wanted != 0};
}

bool UserDevice::lends_reads(std::uint64_t bytes) {
    return queue_here().may_lend(bytes);
}

base::Task<std::expected<Loan, IoFailure>> UserDevice::read_lent(base::CommandArena& /*arena*/,
                                                                 std::uint64_t lba, std::uint64_t blocks) {
    UserRequest request;
    set_range(request, TARGE_OP_READ, lba, blocks);
    request.lends = true;
    co_await queue_here().perform(request);
    const IoResult read = result_of(request);
    if (!read) {
        co_return std::unexpected(read.error());
    }
    co_return request.loan;
}

void UserDevice::give_back(std::uint64_t loan) {
    queue_here().give_back(loan);
}

base::Task<std::optional<IoResult>> UserDevice::write_same(base::CommandArena& arena, std::uint64_t lba,
                                                           std::uint64_t blocks, base::ConstSegment block,
                                                           Durability durability) {
    if (!can(TARGE_CAN_WRITE_SAME)) {
        co_return std::nullopt;
    }
    UserRequest request;
    set_range(request, TARGE_OP_WRITE_SAME, lba, blocks);
    request.flags = durability == Durability::durable ? std::uint32_t{TARGE_SLOT_DURABLE} : 0;
    request.out = {&block, 1};
    const IoResult done = co_await perform(arena, request);
    if (is_left_to_us(request)) {
        co_return std::nullopt;
    }
    co_return done;
}

base::Task<std::expected<CopyPath, IoFailure>> UserDevice::copy_from(base::CommandArena& arena,
                                                                     std::uint64_t lba, Device& source,
                                                                     std::uint64_t source_lba,
                                                                     std::uint64_t bytes,
                                                                     Durability durability) {
    if (&source != this || !can(TARGE_CAN_COPY)) {
        co_return CopyPath::none;
    }
    UserRequest request;
    set_range(request, TARGE_OP_COPY, lba, bytes / settings_.block_size);
    request.flags = durability == Durability::durable ? std::uint32_t{TARGE_SLOT_DURABLE} : 0;
    request.tag = source_lba * settings_.block_size;
    const IoResult done = co_await perform(arena, request);
    if (is_left_to_us(request)) {
        co_return CopyPath::none;
    }
    if (!done) {
        co_return std::unexpected(done.error());
    }
    co_return CopyPath::copied;
}

}  // namespace targe::device
