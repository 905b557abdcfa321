#include "client/cloud/link_counters.h"

void cloud_tell_link(const struct mqtt_link *l, cloud_tell_fn *tell)
{
    struct mqtt_link_stats st;

    mqtt_link_get_stats(l, &st);
    tell("cloud.link.connects", st.connects);
    tell("cloud.link.losses", st.losses);
    tell("cloud.link.sent", st.sent);
    tell("cloud.link.acked", st.acked);
    tell("cloud.link.received", st.received);
    tell("cloud.link.unacknowledged", st.in_window);
}
