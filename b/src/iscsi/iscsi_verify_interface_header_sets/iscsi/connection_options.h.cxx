#include <iscsi/connection_options.h> // IWYU pragma: associated
