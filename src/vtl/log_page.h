// The parameters of one log page, [SPC-4 r37 7.3].
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace targe::vtl {

/// Leaves out parameters before PARAMETER POINTER.
class LogPage {
public:
    explicit LogPage(std::uint16_t parameter_pointer) : pointer_(parameter_pointer) {}

    /// A binary counter of `bytes` bytes; what does not fit is the largest that does.
    void counter(std::uint16_t code, std::uint64_t value, unsigned bytes) {
        begin(code);
        put(bytes < 8 && value >> (8U * bytes) != 0 ? ~std::uint64_t{0} : value, bytes);
        end();
    }
    void bytes(std::uint16_t code, const std::vector<std::uint8_t>& value) {
        begin(code);
        for (const std::uint8_t each : value) {
            put(each, 1);
        }
        end();
    }
    void text(std::uint16_t code, std::string_view value, std::size_t width) {
        begin(code);
        for (std::size_t i = 0; i < width; ++i) {
            put(i < value.size() ? static_cast<std::uint8_t>(value[i]) : ' ', 1);
        }
        end();
    }
    /// One parameter of several records: begin, partition_record for each, end.
    void begin(std::uint16_t code) {
        constexpr std::uint8_t kBinaryList = 0x03;
        code_ = code;
        start_ = content_.size();
        put(code, 2);
        put(kBinaryList, 1);
        put(0, 1);
    }
    void partition_record(std::uint16_t partition, std::uint64_t megabytes) {
        put(7, 1);  // bytes that follow
        put(0, 1);
        put(partition, 2);
        put(megabytes, 4);
    }
    void end() {
        content_[start_ + 3] = static_cast<std::byte>(content_.size() - start_ - 4);
        if (code_ < pointer_) {
            content_.resize(start_);
        }
    }
    [[nodiscard]] std::vector<std::byte> take() { return std::move(content_); }

private:
    void put(std::uint64_t value, unsigned bytes) {
        for (unsigned i = bytes; i-- > 0;) {
            content_.push_back(static_cast<std::byte>((value >> (8U * i)) & 0xffU));
        }
    }

    std::uint16_t pointer_;
    std::uint16_t code_ = 0;
    std::size_t start_ = 0;
    std::vector<std::byte> content_;
};

}  // namespace targe::vtl
