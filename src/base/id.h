// Numbers that must not be mistaken for one another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace targe::base {

/// An integer with a meaning. `Tag` is an incomplete type that names it.
template <class Tag, class Rep>
struct Id {
    Rep value{};

    constexpr Id() = default;
    constexpr explicit Id(Rep v) : value(v) {}
    auto operator<=>(const Id&) const = default;
};

/// A reactor, counted from 0.
using CoreId = Id<struct CoreIdTag, std::uint16_t>;

}  // namespace targe::base

template <class Tag, class Rep>
struct std::hash<targe::base::Id<Tag, Rep>> {
    std::size_t operator()(targe::base::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
