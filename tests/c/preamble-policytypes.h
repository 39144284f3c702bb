#include <stdint.h>

/* Policies whose values change while an element is registered. */
#define PPT_IS_ADAPTIVE(p)                                                                              \
   ((p) == PPT_LEASTUSED || (p) == PPT_LEASTUSED_DEGRADATION || (p) == PPT_PRIORITY_LEASTUSED ||        \
    (p) == PPT_RANDOMIZED_LEASTUSED || (p) == PPT_RANDOMIZED_PRIORITY_LEASTUSED ||                      \
    (p) == PPT_RANDOMIZED_LEASTUSED_DEGRADATION || (p) == PPT_PRIORITY_LEASTUSED_DEGRADATION ||         \
    (p) == PPT_RANDOMIZED_PRIORITY_LEASTUSED_DEGRADATION || (p) == PPT_LEASTUSED_DPF ||                 \
    (p) == PPT_LEASTUSED_DEGRADATION_DPF || (p) == PPT_PRIORITY_LEASTUSED_DPF ||                        \
    (p) == PPT_PRIORITY_LEASTUSED_DEGRADATION_DPF)
