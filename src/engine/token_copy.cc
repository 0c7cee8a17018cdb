// POPULATE TOKEN and WRITE USING TOKEN, [SBC-3 r36]: a copy in two commands, which may come from two
// initiators.
#include "engine/at_home.h"
#include "engine/copy_work.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "scsi/third_party_copy.h"

#include <algorithm>
#include <array>
#include <utility>

namespace targe::engine {

namespace {

CopyTerms terms_of(const Command& command, bool immediate) {
    using L = scsi::TokenCdb;
    return {.id = {.kind = scsi::ListIdKind::lid4,
                   .value = wire::get<L::kListIdentifier>(command.cdb.first<L::kSize>())},
            .immediate = immediate};
}

std::shared_ptr<RodToken> make_token(const NexusUnit& unit, const scsi::PopulateToken& request) {
    const scsi::UnitDescription& description = unit.lane.state().description;
    base::Core& core = unit.nexus.core();
    std::array<std::byte, 32> secret{};
    core.random(secret);
    const scsi::RodTokenBytes name = scsi::make_rod_token({.unit = description,
                                                           .target = unit.nexus.target().name(),
                                                           .bytes = request.blocks * description.block_size,
                                                           .secret = secret});
    return std::make_shared<RodToken>(name, request, core.now());
}

/// Every lane closes and opens: what was written before is what the token stands for.
base::Task<scsi::Outcome> populate(base::CommandArena& arena, Command& command,
                                   const scsi::PopulateToken& request, CopyRecord& record) {
    const NexusUnit& unit = *command.life.unit;
    const auto token = make_token(unit, request);
    const Apply apply = [&](const Command& asking, Change& change) -> scsi::Outcome {
        // The unit may have shrunk on the way.
        for (const scsi::TokenRange& range : token->ranges()) {
            if (const auto beyond =
                    scsi::beyond_medium(range.lba, range.blocks, change.state().description)) {
                return *beyond;
            }
        }
        add_token(change.state(), token, asking.life.unit->unit->home().core().now());
        return scsi::Status::good;
    };
    const scsi::Outcome outcome = co_await at_home(arena, command, apply);
    if (outcome != scsi::Outcome{scsi::Status::good}) {
        co_return outcome;
    }
    if (record.terminated) {
        token->end(RodToken::Validity::deleted);
        co_return scsi::copy_aborted(scsi::Asc::no_additional_sense_information);
    }
    record.token = token->name();
    record.progress.bytes = request.blocks * unit.lane.state().description.block_size;
    co_return outcome;
}

/// A token, and the unit whose blocks it stands for, if the nexus sees that.
struct Source {
    NexusUnit* unit = nullptr;
    std::shared_ptr<RodToken> token;
};

std::expected<Source, scsi::Sense> find_source(const NexusUnit& asked, const scsi::RodTokenBytes& name) {
    Source found;
    asked.nexus.units().for_each([&](NexusUnit& unit) {
        const auto& tokens = unit.lane.state().tokens;
        if (found.unit != nullptr || !tokens) {
            return;
        }
        const auto token =
            std::ranges::find_if(tokens->all, [&](const auto& each) { return each->name() == name; });
        if (token != tokens->all.end()) {
            found = {.unit = &unit, .token = *token};
        }
    });
    if (found.unit == nullptr) {
        const bool ours =
            scsi::rod_type(name) == static_cast<std::uint32_t>(scsi::RodType::change_vulnerable);
        return std::unexpected(
            scsi::illegal_request(ours ? scsi::Asc::token_unknown : scsi::Asc::unsupported_token_type));
    }
    if (const auto refused = found.token->refusal(asked.nexus.core().now())) {
        return std::unexpected(*refused);
    }
    return found;
}

/// Walks over the ranges of a list as if they were one.
class Walk {
public:
    Walk(const std::vector<scsi::TokenRange>& ranges, std::uint64_t skip) : ranges_(ranges) { advance(skip); }
    [[nodiscard]] std::uint64_t lba() const { return ranges_[at_].lba + within_; }
    [[nodiscard]] std::uint64_t left_here() const { return ranges_[at_].blocks - within_; }
    void advance(std::uint64_t blocks) {
        within_ += blocks;
        while (at_ < ranges_.size() && within_ >= ranges_[at_].blocks) {
            within_ -= ranges_[at_++].blocks;
        }
    }

private:
    const std::vector<scsi::TokenRange>& ranges_;
    std::size_t at_ = 0;
    std::uint64_t within_ = 0;
};

/// As the initiator is told, who knows of one unit only.
scsi::Outcome token_outcome(const CopyWork& work, const scsi::Outcome& outcome) {
    if (outcome == scsi::Outcome{scsi::Status::good}) {
        return outcome;
    }
    if (work.record.terminated) {
        return scsi::copy_aborted(scsi::Asc::no_additional_sense_information);
    }
    if (work.visitor.cancelled()) {
        return scsi::copy_aborted(scsi::Asc::copy_target_device_not_reachable);
    }
    return work.failed_at_source ? scsi::copy_aborted(scsi::Asc::third_party_device_failure) : outcome;
}

std::uint32_t block_bytes(const NexusUnit& unit) {
    return unit.lane.state().description.block_size;
}

base::Task<scsi::Outcome> copy_from_token(base::CommandArena& arena, CopyWork& work, NexusUnit& destination,
                                          Source source,
                                          std::shared_ptr<const scsi::WriteUsingToken> request) {
    const std::uint64_t source_block = block_bytes(*source.unit);
    const std::uint64_t block = block_bytes(destination);
    const std::uint64_t unit = std::max(source_block, block);
    work.token = source.token.get();
    Walk from{source.token->ranges(), request->offset * block / source_block};
    Walk to{request->ranges, 0};
    scsi::Outcome outcome = scsi::Status::good;
    source.token->begin_use();
    for (std::uint64_t done = 0; done < request->blocks * block;) {
        const std::uint64_t here = std::min(from.left_here() * source_block, to.left_here() * block);
        const std::uint64_t now = here - here % unit;
        if (now == 0) {
            outcome = scsi::illegal_request(scsi::Asc::invalid_field_in_parameter_list);
            break;  // a range ends within a block of the other unit
        }
        outcome = co_await copy_extent(arena, work, *source.unit, destination,
                                       {.source_lba = from.lba(), .destination_lba = to.lba(), .bytes = now});
        if (outcome != scsi::Outcome{scsi::Status::good}) {
            break;
        }
        done += now;
        from.advance(now / source_block);
        to.advance(now / block);
    }
    source.token->end_use(destination.nexus.core().now());
    if (request->deletes) {
        source.token->end(RodToken::Validity::deleted);
    }
    co_return token_outcome(work, outcome);
}

base::Task<scsi::Outcome> write_zeroes(base::CommandArena& arena, CopyWork& work, NexusUnit& destination,
                                       std::shared_ptr<const scsi::WriteUsingToken> request) {
    for (const scsi::TokenRange& range : request->ranges) {
        const scsi::Outcome outcome =
            co_await zero_extent(arena, work, destination, {range.lba, range.blocks});
        if (outcome != scsi::Outcome{scsi::Status::good}) {
            co_return token_outcome(work, outcome);
        }
    }
    co_return scsi::Status::good;
}

/// Whether the token has all that is to be written, in whole blocks of both units.
bool has_enough(const Source& source, const NexusUnit& destination, const scsi::WriteUsingToken& request) {
    const std::uint64_t source_block = block_bytes(*source.unit);
    const std::uint64_t block = block_bytes(destination);
    const std::uint64_t bytes = source.token->blocks() * source_block;
    return request.offset <= bytes / block && request.blocks <= bytes / block - request.offset &&
           request.offset * block % source_block == 0 && request.blocks * block % source_block == 0;
}

std::expected<CopyBody, scsi::Sense> body_of(NexusUnit& unit,
                                             const std::shared_ptr<const scsi::WriteUsingToken>& request) {
    if (scsi::rod_type(request->token) == static_cast<std::uint32_t>(scsi::RodType::zeroes)) {
        return [&unit, request](base::CommandArena& arena, CopyWork& work) {
            return write_zeroes(arena, work, unit, request);
        };
    }
    const auto source = find_source(unit, request->token);
    if (!source) {
        return std::unexpected(source.error());
    }
    if (!has_enough(*source, unit, *request)) {
        constexpr std::size_t kOffsetIntoRod = 8;
        return std::unexpected(scsi::invalid_parameter(kOffsetIntoRod));
    }
    source->token->use(unit.nexus.core().now());
    return [&unit, request, from = *source](base::CommandArena& arena, CopyWork& work) {
        return copy_from_token(arena, work, unit, from, request);
    };
}

}  // namespace

Execution execute_populate_token(base::CommandArena& arena, Command& command) {
    const base::Segment& sent = command.life.out_segment;
    if (sent.size == 0) {
        co_return scsi::Status::good;
    }
    NexusUnit& unit = *command.life.unit;
    const auto request = scsi::parse_populate_token({sent.data, sent.size}, unit.lane.state().description);
    if (!request) {
        co_return request.error();
    }
    // With IMMED too the token is there when the command ends: nothing of it takes long.
    const auto record = begin_record(command, terms_of(command, false));
    if (!record) {
        co_return record.error();
    }
    const scsi::Outcome outcome = co_await populate(arena, command, *request, **record);
    (*record)->end(unit.nexus.core(), outcome);
    co_return outcome;
}

Execution execute_write_using_token(base::CommandArena& arena, Command& command) {
    const base::Segment& sent = command.life.out_segment;
    if (sent.size == 0) {
        co_return scsi::Status::good;
    }
    NexusUnit& unit = *command.life.unit;
    auto parsed = scsi::parse_write_using_token({sent.data, sent.size}, unit.lane.state().description);
    if (!parsed) {
        co_return parsed.error();
    }
    const auto request = std::make_shared<const scsi::WriteUsingToken>(*std::move(parsed));
    auto body = body_of(unit, request);
    if (!body) {
        co_return body.error();
    }
    const scsi::Outcome outcome =
        co_await carry_out_copy(arena, command, terms_of(command, request->immediate), *std::move(body));
    co_return outcome;
}

}  // namespace targe::engine
