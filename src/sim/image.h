/* The bytes of a simulated file: pages that copies share until one of them writes; a page that was
 * never written is not there and reads as zeros. */
#ifndef RK_SIM_IMAGE_H
#define RK_SIM_IMAGE_H

#include "base/mem.h"
#include "base/types.h"

#define SIM_PAGE_BYTES 4096u

struct sim_page;

struct sim_image {
    struct sim_page **pages;
    uint32_t page_cap;
    uint64_t size;
};

void rk_sim_image_free(struct rk_mem *mem, struct sim_image *img);
/* to is overwritten without being freed. */
void rk_sim_image_copy(struct rk_mem *mem, struct sim_image *to, const struct sim_image *from);
/* Makes the pages under [offset, offset + len) of to those of from; sizes stay. */
void rk_sim_image_take(struct rk_mem *mem, struct sim_image *to, const struct sim_image *from,
                       uint64_t offset, uint64_t len);
/* data NULL writes zeros. Grows the size if need be. */
void rk_sim_image_write(struct rk_mem *mem, struct sim_image *img, uint64_t offset,
                        const uint8_t *data, uint64_t len);
/* As far as the size goes; returns how many. */
uint64_t rk_sim_image_read(const struct sim_image *img, uint64_t offset, uint8_t *out,
                           uint64_t len);
/* What is cut off reads as zeros if the file grows again. */
void rk_sim_image_resize(struct rk_mem *mem, struct sim_image *img, uint64_t size);

#endif
