// The mode pages of one unit as bytes, each with what an initiator may change of it.
#pragma once

#include "scsi/parameter_writer.h"
#include "vtl/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace targe::vtl {

/// PC of MODE SENSE.
enum class PageControl : std::uint8_t { current = 0, changeable = 1, standard = 2, saved = 3 };

struct ModePage {
    std::uint8_t code = 0;
    std::uint8_t subpage = 0;
    std::vector<std::byte> current;  ///< with the page header: 2 bytes, or 4 of a subpage
    std::vector<std::byte> standard;
    std::vector<std::byte> changeable;
    bool may_be_short = false;  ///< MODE SELECT may leave out bytes at its end

    [[nodiscard]] std::size_t header_bytes() const { return subpage == 0 ? 2 : 4; }
};

class ModePages {
public:
    static constexpr std::uint8_t kAllPages = 0x3f;
    static constexpr std::uint8_t kAllSubpages = 0xff;

    /// `body` is what follows the page header, `changeable` as long.
    void add(std::uint8_t code, std::uint8_t subpage, const std::vector<std::uint8_t>& body,
             const std::vector<std::uint8_t>& changeable);
    [[nodiscard]] ModePage* find(std::uint8_t code, std::uint8_t subpage = 0);
    [[nodiscard]] const ModePage* find(std::uint8_t code, std::uint8_t subpage = 0) const;
    /// One byte of a page that is there, counted from its header.
    [[nodiscard]] std::uint8_t byte(std::uint8_t code, std::size_t at, std::uint8_t subpage = 0) const;
    void set_byte(std::uint8_t code, std::size_t at, std::uint8_t value, std::uint8_t subpage = 0);

    /// Writes the pages that `code` and `subpage` name; false when there is none.
    bool write(std::uint8_t code, std::uint8_t subpage, PageControl control,
               scsi::ParameterWriter& out) const;

    /// MODE SELECT with `list`, which begins at byte `offset` of the parameter list. When it returns a reason
    /// why not, nothing has changed.
    [[nodiscard]] std::optional<Sense> select(wire::Bytes list, std::size_t offset, bool& changed);
    /// As after power on.
    void reset();

private:
    std::vector<ModePage> pages_;
};

}  // namespace targe::vtl
