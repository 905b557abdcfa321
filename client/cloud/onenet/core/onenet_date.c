/* SPDX-License-Identifier: MIT */
/* Dates of data points: a text of fixed form, or six bytes. */
#include "client/cloud/onenet/core/onenet_dp.h"

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_of(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

bool onenet_date_is_valid(const struct onenet_date *d)
{
    return d->month >= 1 && d->month <= 12 && d->day >= 1 && d->day <= days_of(d->year, d->month) && d->hour <= 23 &&
           d->minute <= 59 && d->second <= 59;
}

/* n digits at p; -1 when one of them is none. */
static int digits(const char *p, int n)
{
    int v = 0;

    for (; n > 0; n--, p++) {
        if (*p < '0' || *p > '9')
            return -1;
        v = v * 10 + (*p - '0');
    }
    return v;
}

bool onenet_date_parse(struct ag_span text, struct onenet_date *out)
{
    static const char form[] = "0000-00-00 00:00:00";
    int part[6];

    if (text.len != ONENET_TIME_LEN)
        return false;
    for (size_t i = 0; i < ONENET_TIME_LEN; i++) {
        if (form[i] != '0' && text.p[i] != form[i])
            return false;
    }
    part[0] = digits(text.p, 4);
    for (int i = 1; i < 6; i++)
        part[i] = digits(text.p + 2 + 3 * i, 2);
    for (int i = 0; i < 6; i++) {
        if (part[i] < 0)
            return false;
    }
    *out = (struct onenet_date){(uint16_t) part[0], (uint8_t) part[1], (uint8_t) part[2],
                                (uint8_t) part[3],  (uint8_t) part[4], (uint8_t) part[5]};
    return out->year >= 1970 && onenet_date_is_valid(out);
}

static void put2(char *p, unsigned v)
{
    p[0] = (char) ('0' + v / 10 % 10);
    p[1] = (char) ('0' + v % 10);
}

void onenet_date_format(const struct onenet_date *d, char out[ONENET_TIME_LEN + 1])
{
    memcpy(out, "0000-00-00 00:00:00", ONENET_TIME_LEN + 1);
    put2(out, d->year / 100u);
    put2(out + 2, d->year % 100u);
    put2(out + 5, d->month);
    put2(out + 8, d->day);
    put2(out + 11, d->hour);
    put2(out + 14, d->minute);
    put2(out + 17, d->second);
}

bool onenet_date_from_unix(int64_t unix_s, int32_t offset_s, struct onenet_date *out)
{
    int64_t local, day;
    unsigned year = 1970, month = 1, rest;

    if (unix_s < 0 || unix_s > 253402300799 || offset_s < -86400 || offset_s > 86400)
        return false;
    local = unix_s + offset_s;
    if (local < 0)
        return false;
    day = local / 86400;
    rest = (unsigned) (local % 86400);
    while (day >= (is_leap(year) ? 366 : 365))
        day -= is_leap(year++) ? 366 : 365;
    while (day >= days_of(year, month))
        day -= days_of(year, month++);
    if (year > 9999)
        return false;
    *out = (struct onenet_date){
        (uint16_t) year,      (uint8_t) month, (uint8_t) (day + 1), (uint8_t) (rest / 3600), (uint8_t) (rest / 60 % 60),
        (uint8_t) (rest % 60)};
    return true;
}
