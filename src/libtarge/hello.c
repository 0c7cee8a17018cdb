// What a handler says of itself when it attaches.
#include "libtarge/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/// Padded with NUL, which need not be there at the end.
static void pad(char* field, size_t size, const char* text) {
    memset(field, 0, size);
    if (text != NULL) {
        const size_t length = strlen(text);
        memcpy(field, text, length < size ? length : size);
    }
}

/// What would be cut off is most likely meant to be seen.
static const char* too_long(const struct targe_attachment* how) {
    enum { kRevision = 4 };  // the field has room for more than initiators are shown
    const struct targe_hello* const hello = NULL;
    if (how->vendor != NULL && strlen(how->vendor) > sizeof hello->vendor) {
        return "the vendor is longer than 8 characters, which is what INQUIRY has room for";
    }
    if (how->product != NULL && strlen(how->product) > sizeof hello->product) {
        return "the product is longer than 16 characters, which is what INQUIRY has room for";
    }
    if (how->revision != NULL && strlen(how->revision) > kRevision) {
        return "the revision is longer than 4 characters, which is what INQUIRY has room for";
    }
    return NULL;
}

static uint32_t abilities(const targe_device* device) {
    const struct targe_block_ops* const blocks = &device->blocks;
    const struct targe_command_ops* const commands = &device->commands;
    return (blocks->write ? TARGE_CAN_WRITE : 0) | (blocks->flush ? TARGE_CAN_FLUSH : 0) |
           (blocks->unmap ? TARGE_CAN_UNMAP : 0) | (blocks->write_zeroes ? TARGE_CAN_WRITE_ZEROES : 0) |
           (blocks->block_status ? TARGE_CAN_BLOCK_STATUS : 0) |
           (commands->session_attach || commands->session_detach ? TARGE_WANTS_SESSIONS : 0) |
           (commands->task_management ? TARGE_WANTS_MANAGEMENT : 0) |
           (blocks->write_same ? TARGE_CAN_WRITE_SAME : 0) | (blocks->copy ? TARGE_CAN_COPY : 0) |
           (blocks->reservations_changed || commands->reservations_changed ? TARGE_WANTS_RESERVATIONS : 0) |
           (commands->delivered ? TARGE_WANTS_DELIVERY : 0) | (commands->goes_on != 0 ? TARGE_MAY_GO_ON : 0) |
           (device->how.rule_count > 0 ? TARGE_HAS_RULES : 0) | (device->how.lends != 0 ? TARGE_LENDS : 0) |
           (commands->remaps != 0 ? TARGE_MAY_REMAP : 0);
}

int targe_make_rules(targe_device* device) {
    const struct targe_attachment* const how = &device->how;
    device->rules = calloc(how->rule_count + 1, sizeof *device->rules);
    if (device->rules == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < how->rule_count; ++i) {
        const struct targe_command_rule* const rule = &how->rules[i];
        device->rules[i] = (struct targe_rule){
            .opcode = rule->opcode,
            .action = rule->action,
            .direction = rule->direction,
            .flags = rule->flags,
            .length_at = rule->length_at,
            .length_bytes = rule->length_bytes,
            .unit = rule->unit,
        };
    }
    return 0;
}

void targe_make_hello(targe_device* device) {
    const struct targe_attachment* const how = &device->how;
    struct targe_hello* const hello = &device->hello;
    hello->magic = TARGE_MAGIC;
    hello->protocol = TARGE_PROTOCOL;
    hello->level = how->level;
    hello->can = abilities(device);
    hello->depth = how->depth;
    hello->block_size = how->block_size;
    hello->size = how->size;
    hello->peripheral_type = how->peripheral_type;
    hello->removable = how->removable;
    hello->vpd_page_count = (uint8_t)how->vpd_page_count;
    pad(hello->name, sizeof hello->name, how->name);
    pad(hello->vendor, sizeof hello->vendor, how->vendor);
    pad(hello->product, sizeof hello->product, how->product);
    pad(hello->revision, sizeof hello->revision, how->revision);
    if (how->vpd_page_count > 0) {
        memcpy(hello->vpd_pages, how->vpd_pages, how->vpd_page_count);
    }
}

const char* targe_wrong_with(const targe_device* device) {
    const struct targe_attachment* const how = &device->how;
    if (how->struct_size == 0 || (how->block_ops != NULL && device->blocks.struct_size == 0) ||
        (how->command_ops != NULL && device->commands.struct_size == 0)) {
        return "struct_size of targe_attachment, or of its operations, is 0, and must be the sizeof of each";
    }
    if (how->struct_size > sizeof *how || device->blocks.struct_size > sizeof device->blocks ||
        device->commands.struct_size > sizeof device->commands) {
        return "the program was built for a newer libtarge than this";
    }
    if (how->socket == NULL || strlen(how->socket) >= sizeof((struct sockaddr_un*)0)->sun_path) {
        return "the path of the socket is missing, or longer than 107 bytes";
    }
    if (how->level == TARGE_BLOCKS ? device->blocks.read == NULL : device->commands.execute == NULL) {
        return "there is no read of block_ops, or no execute of command_ops";
    }
    if (how->level > TARGE_COMMANDS || how->vpd_page_count > TARGE_MAX_VPD_PAGES) {
        return "there is no such level, or too many VPD pages";
    }
    if ((how->vpd_page_count > 0 && how->vpd_pages == NULL) || (how->rule_count > 0 && how->rules == NULL)) {
        return "vpd_page_count or rule_count is more than 0, and vpd_pages or rules NULL";
    }
    struct stat memory;
    if (how->lends > 1 ||
        (how->lends == 1 && (how->level != TARGE_BLOCKS || fstat(how->memory, &memory) != 0))) {
        return "the memory that is to be lent is none, or not for blocks";
    }
    if (how->rule_count > (how->level == TARGE_COMMANDS ? TARGE_MAX_RULES : 0)) {
        return "there are too many rules for commands, or they are not for blocks";
    }
    return too_long(how);
}
