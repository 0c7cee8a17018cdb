// loader.s for UEFI: EFI/BOOT/BOOTX64.EFI of the image. The same lines lead to the same answers; "error " is followed by EFI's status,
// and q gives the machine back.
#include <stddef.h>
#include <stdint.h>

enum { kPort = 0x3E8, kChunk = 0x8000 };

// [UEFI 2.10 13.9]: what is used of the protocol
struct media {
    uint32_t id;
    uint8_t removable, present, logical_partition, read_only, write_caching;
    uint32_t block_size, io_align;
    uint64_t last_block;
};
struct block_io {
    uint64_t revision;
    struct media* media;
    void* reset;
    uint64_t (*read)(struct block_io* self, uint32_t media, uint64_t lba, size_t size, void* buffer);
    uint64_t (*write)(struct block_io* self, uint32_t media, uint64_t lba, size_t size, void* buffer);
};

// [UEFI 2.10 4.3, 4.4]
struct boot_services {
    uint8_t header[24];
    void* before[16];
    uint64_t (*handle_protocol)(void* handle, const void* protocol, void* interface);
    void* between[19];
    uint64_t (*locate_handle_buffer)(int type, const void* protocol, void* key, size_t* count, void*** handles);
};
struct system_table {
    uint8_t before[96];
    struct boot_services* boot;
};

static const uint8_t kBlockIo[16] = {0x21, 0x5B, 0x4E, 0x96, 0x59, 0x64, 0xD2, 0x11, 0x8E, 0x39, 0x00, 0xA0, 0xC9, 0x69, 0x72, 0x3B};
static uint32_t buffer[kChunk / 4];

static uint8_t in(uint16_t port) {
    uint8_t value = 0;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void out(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static void put(char character) {
    while ((in(kPort + 5) & 0x20) == 0) {
    }
    out(kPort, (uint8_t)character);
}

static char get(void) {
    while ((in(kPort + 5) & 1) == 0) {
    }
    return (char)in(kPort);
}

static void say(const char* text) {
    for (; *text != 0; ++text) put(*text);
}

static void number(uint64_t value, int digits) {
    while (digits-- > 0) put("0123456789ABCDEF"[value >> (4 * digits) & 0xF]);
}

static void answer(const char* what, uint64_t value) {
    say(what);
    number(value, 8);
    put('\n');
}

static uint64_t take(void) {
    uint64_t value = 0;
    for (char digit = get(); digit >= '0'; digit = get()) value = value << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    return value;
}

static void read(struct block_io* disk) {
    uint64_t lba = take();
    uint32_t sum = 0;
    for (uint64_t left = take(); left > 0; --left, lba += kChunk / disk->media->block_size) {
        const uint64_t status = disk->read(disk, disk->media->id, lba, kChunk, buffer);
        if (status != 0) return answer("error ", status);
        for (size_t i = 0; i < kChunk / 4; ++i) sum = (sum << 1 | sum >> 31) + buffer[i];
    }
    answer("sum ", sum);
}

static void write(struct block_io* disk) {
    const uint64_t status = disk->write(disk, disk->media->id, take(), kChunk, buffer);
    if (status != 0) return answer("error ", status);
    say("written\n");
}

// The machine has no other.
static struct block_io* whole_disk(struct boot_services* boot) {
    size_t count = 0;
    void** handles = NULL;
    boot->locate_handle_buffer(2, kBlockIo, NULL, &count, &handles);
    for (size_t i = 0; i < count; ++i) {
        struct block_io* disk = NULL;
        boot->handle_protocol(handles[i], kBlockIo, &disk);
        if (disk != NULL && disk->media->present && !disk->media->logical_partition) return disk;
    }
    return NULL;
}

uint64_t start(void* image, struct system_table* system) {
    struct block_io* disk = whole_disk(system->boot);
    (void)image;
    out(kPort + 3, 3);
    if (disk == NULL) {
        say("no disk\n");
        return 0;
    }
    say("Targe boots: blocks ");
    number(disk->media->last_block + 1, 16);
    answer(" of ", disk->media->block_size);
    for (char what = get(); what != 'q'; what = get()) {
        if (what == 'r') read(disk);
        if (what == 'w') write(disk);
    }
    return 0;
}
