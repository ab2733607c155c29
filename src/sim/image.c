/* Copy-on-write pages. A clone of a whole disk, as every probe of a crash makes, costs a few
 * counters. */
#include "sim/image.h"

#include <string.h>

struct sim_page {
    uint32_t refs;
    uint8_t bytes[SIM_PAGE_BYTES];
};

static void drop_page(struct rk_mem *mem, struct sim_page *page)
{
    if (page == NULL) {
        return;
    }
    RK_ASSERT(page->refs > 0);
    page->refs--;
    if (page->refs == 0) {
        rk_mem_free(mem, page, sizeof(*page));
    }
}

static void reach(struct rk_mem *mem, struct sim_image *img, uint32_t index)
{
    if (index < img->page_cap) {
        return;
    }
    uint32_t cap = img->page_cap == 0 ? 4 : img->page_cap;
    while (cap <= index) {
        cap *= 2;
    }
    img->pages = rk_mem_must_resize(mem, img->pages, img->page_cap * sizeof(struct sim_page *),
                                    cap * sizeof(struct sim_page *));
    memset(img->pages + img->page_cap, 0, (cap - img->page_cap) * sizeof(struct sim_page *));
    img->page_cap = cap;
}

/* A page of this image alone. */
static struct sim_page *own_page(struct rk_mem *mem, struct sim_image *img, uint32_t index)
{
    reach(mem, img, index);
    struct sim_page *page = img->pages[index];
    if (page != NULL && page->refs == 1) {
        return page;
    }
    struct sim_page *fresh = rk_mem_must_alloc(mem, sizeof(*fresh));
    fresh->refs = 1;
    if (page == NULL) {
        memset(fresh->bytes, 0, SIM_PAGE_BYTES);
    } else {
        memcpy(fresh->bytes, page->bytes, SIM_PAGE_BYTES);
        drop_page(mem, page);
    }
    img->pages[index] = fresh;
    return fresh;
}

void rk_sim_image_free(struct rk_mem *mem, struct sim_image *img)
{
    for (uint32_t i = 0; i < img->page_cap; i++) {
        drop_page(mem, img->pages[i]);
    }
    rk_mem_free(mem, img->pages, img->page_cap * sizeof(struct sim_page *));
    *img = (struct sim_image){0};
}

void rk_sim_image_copy(struct rk_mem *mem, struct sim_image *to, const struct sim_image *from)
{
    *to = (struct sim_image){.size = from->size};
    if (from->page_cap > 0) {
        reach(mem, to, from->page_cap - 1);
    }
    for (uint32_t i = 0; i < from->page_cap; i++) {
        to->pages[i] = from->pages[i];
        if (from->pages[i] != NULL) {
            from->pages[i]->refs++;
        }
    }
}

void rk_sim_image_take(struct rk_mem *mem, struct sim_image *to, const struct sim_image *from,
                       uint64_t offset, uint64_t len)
{
    if (len == 0) {
        return;
    }
    uint32_t last = (uint32_t)((offset + len - 1) / SIM_PAGE_BYTES);
    for (uint32_t i = (uint32_t)(offset / SIM_PAGE_BYTES); i <= last; i++) {
        struct sim_page *page = i < from->page_cap ? from->pages[i] : NULL;
        if (page == NULL && i >= to->page_cap) {
            continue;
        }
        reach(mem, to, i);
        if (page != NULL) {
            page->refs++;
        }
        drop_page(mem, to->pages[i]);
        to->pages[i] = page;
    }
}

static void write_page(struct rk_mem *mem, struct sim_image *img, uint32_t index, uint32_t at,
                       const uint8_t *data, uint32_t len)
{
    bool is_there = index < img->page_cap && img->pages[index] != NULL;
    if (data != NULL) {
        memcpy(own_page(mem, img, index)->bytes + at, data, len);
    } else if (is_there && len == SIM_PAGE_BYTES) {
        drop_page(mem, img->pages[index]);
        img->pages[index] = NULL;
    } else if (is_there) {
        memset(own_page(mem, img, index)->bytes + at, 0, len);
    }
}

void rk_sim_image_write(struct rk_mem *mem, struct sim_image *img, uint64_t offset,
                        const uint8_t *data, uint64_t len)
{
    uint64_t done = 0;
    while (done < len) {
        uint32_t at = (uint32_t)((offset + done) % SIM_PAGE_BYTES);
        uint64_t n = SIM_PAGE_BYTES - at;
        n = n > len - done ? len - done : n;
        write_page(mem, img, (uint32_t)((offset + done) / SIM_PAGE_BYTES), at,
                   data == NULL ? NULL : data + done, (uint32_t)n);
        done += n;
    }
    if (offset + len > img->size) {
        img->size = offset + len;
    }
}

uint64_t rk_sim_image_read(const struct sim_image *img, uint64_t offset, uint8_t *out, uint64_t len)
{
    if (offset >= img->size) {
        return 0;
    }
    len = len > img->size - offset ? img->size - offset : len;
    for (uint64_t done = 0; done < len;) {
        uint32_t at = (uint32_t)((offset + done) % SIM_PAGE_BYTES);
        uint64_t index = (offset + done) / SIM_PAGE_BYTES;
        uint64_t n = SIM_PAGE_BYTES - at;
        n = n > len - done ? len - done : n;
        if (index < img->page_cap && img->pages[index] != NULL) {
            memcpy(out + done, img->pages[index]->bytes + at, n);
        } else {
            memset(out + done, 0, n);
        }
        done += n;
    }
    return len;
}

void rk_sim_image_resize(struct rk_mem *mem, struct sim_image *img, uint64_t size)
{
    if (size < img->size) {
        uint64_t end = (uint64_t)img->page_cap * SIM_PAGE_BYTES;
        uint64_t kept = img->size;
        if (end > size) {
            rk_sim_image_write(mem, img, size, NULL, end - size);
        }
        RK_ASSERT(img->size >= kept);
    }
    img->size = size;
}
