#include "iscsi/directory.h"

namespace targe::iscsi {

std::string to_text(const TargetAddress& address) {
    // Only an IPv6 address has colons, and it needs brackets to part it from its port.
    const bool ipv6 = address.host.find(':') != std::string::npos;
    std::string text = ipv6 ? "[" + address.host + "]" : address.host;
    text.append(1, ':').append(std::to_string(address.port));
    return text;
}

std::string to_text_with_group(const TargetAddress& address) {
    return to_text(address) + "," + std::to_string(address.portal_group_tag);
}

}  // namespace targe::iscsi
