#include "admin/problem.h"

namespace targe::admin {

std::string to_string(const Problem& problem) {
    std::string text = problem.what;
    if (!problem.cause.empty()) {
        text.append("\n  cause: ").append(problem.cause);
    }
    if (!problem.cure.empty()) {
        text.append("\n  try: ").append(problem.cure);
    }
    return text;
}

std::string to_line(const Problem& problem) {
    std::string text = problem.what;
    if (!problem.cause.empty()) {
        text.append("; cause: ").append(problem.cause);
    }
    if (!problem.cure.empty()) {
        text.append("; try: ").append(problem.cure);
    }
    return text;
}

}  // namespace targe::admin
