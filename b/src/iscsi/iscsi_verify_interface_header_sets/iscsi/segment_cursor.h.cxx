#include <iscsi/segment_cursor.h> // IWYU pragma: associated
