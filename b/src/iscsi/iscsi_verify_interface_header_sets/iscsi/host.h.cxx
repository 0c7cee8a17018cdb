#include <iscsi/host.h> // IWYU pragma: associated
