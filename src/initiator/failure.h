// What ended a session or a run, in the three parts that help.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace targe::initiator {

/// Thrown, because nothing can go on after it: what() is one line, without a newline.
class Failure : public std::runtime_error {
public:
    explicit Failure(const std::string& what, std::string cause = {}, std::string cure = {})
        : std::runtime_error(what), cause_(std::move(cause)), cure_(std::move(cure)) {}

    [[nodiscard]] const std::string& cause() const { return cause_; }  ///< the likely reason; may be empty
    [[nodiscard]] const std::string& cure() const { return cure_; }    ///< what to do next; may be empty

private:
    std::string cause_;
    std::string cure_;
};

}  // namespace targe::initiator
