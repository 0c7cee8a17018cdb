#include <iscsi/random_source.h> // IWYU pragma: associated
