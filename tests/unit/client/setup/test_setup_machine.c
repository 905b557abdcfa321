/* From nobody's device to its owner's network and back: each row is a story of events, and the decisions each of them leads to;
   then long walks at random, in which nothing may happen twice, at once or for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/client/setup/setup_rig.h"

struct step {
    const char *line, *decisions;
};

/* clang-format off */
static const struct {
    const char *name, *mode;
    struct step steps[26];
} stories[] = {
    {"a phone brings the first network", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"state", "ap"},
      {"due", "never"},
      {"network lan 5 sg", "save; is joining; answer ok; "},
      {"due", "500"},
      {"state", "waiting"},
      {"wait 499", ""},
      {"wait 1", "run join; "},
      {"state", "joining"},
      {"due", "never"},
      {"ended join 0", "end_trial; owned; country sg; is joined; online; "},
      {"state", "joined"},
      {"due", "never"}}},
    {"wrong password: three tries with their pauses, then the access point again", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"ended join 1", ""},
      {"due", "3000"},
      {"wait 2999", ""},
      {"wait 1", "run join; "},
      {"ended join 7", ""},
      {"wait 3000", "run join; "},
      {"network lan 5", "answer Device or resource busy; "},
      {"ended join 1", "say join_failed; cloud_stop; is join_failed; drop; country -; nobodys; run ap; "},
      {"state", "ap_opening"},
      {"due", "never"},
      {"ended ap 0", "is ap; "},
      {"state", "ap"},
      {"due", "never"},
      {"network lan 6", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"ended join 0", "end_trial; owned; country -; is joined; online; "}}},
    {"a program that does not start is a try that failed", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"fail run", ""},
      {"wait 500", "run join!; "},
      {"due", "3000"},
      {"wait 3000", "run join; "},
      {"ended join 0", "end_trial; owned; country -; is joined; online; "}}},
    {"an access point that cannot be opened is said all the same", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"ended join 1", ""},
      {"wait 3000", "run join; "},
      {"ended join 1", ""},
      {"wait 3000", "run join; "},
      {"fail run", ""},
      {"wait 0", ""},
      {"due", "never"},
      {"ended join 1", "say join_failed; cloud_stop; is join_failed; drop; country -; nobodys; run ap!; is ap; "},
      {"state", "ap"}}},
    {"the disk takes no network: nothing has changed", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"fail save", ""},
      {"network lan 5", "save!; answer Input/output error; "},
      {"state", "ap"},
      {"due", "never"},
      {"network lan 5", "save; is joining; answer ok; "},
      {"state", "waiting"}}},
    {"no user given: refused, and nothing follows", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan -", "answer bad; "},
      {"state", "ap"},
      {"due", "never"},
      {"network lan 0", "save; is joining; answer ok; "},
      {"state", "waiting"}}},
    {"the start finds a network", "builtin",
     {{"wifi 1", ""},
      {"country de", ""},
      {"uid 5", ""},
      {"start", "own_token; country de; owned; is identity; is token; is provisioned; online; "},
      {"state", "joined"},
      {"due", "never"}}},
    {"the start cannot draw a token", "builtin",
     {{"fail fresh_token", ""},
      {"start", "fresh_token!; "},
      {"state", "starting"},
      {"due", "never"}}},
    {"the start cannot read the token", "builtin",
     {{"wifi 1", ""},
      {"fail own_token", ""},
      {"start", "own_token!; "},
      {"due", "never"}}},
    {"the last run was cut off at the first network", "builtin",
     {{"wifi 1", ""},
      {"trial first", ""},
      {"start", "own_token; nobodys; is identity; is token; nobodys; say resumed; is joining; look_at_hooks; "},
      {"state", "waiting"},
      {"wait 500", "run join; "},
      {"ended join 0", "end_trial; owned; country -; is joined; online; "},
      {"state", "joined"}}},
    {"the last run was cut off at another network: the cloud is tried meanwhile", "builtin",
     {{"wifi 1", ""},
      {"trial next", ""},
      {"uid 5", ""},
      {"start", "own_token; owned; is identity; is token; owned; say resumed; is joining; is provisioned; online; "},
      {"wait 500", "run join; "},
      {"ended join 0", "end_trial; owned; country -; is joined; online; "}}},
    {"a router renews its password: owner and country stay", "builtin",
     {{"wifi 1", ""},
      {"uid 5", ""},
      {"country de", ""},
      {"start", "own_token; country de; owned; is identity; is token; is provisioned; online; "},
      {"network lan -", "save; is joining; answer ok; "},
      {"state", "waiting"},
      {"wait 500", "run join; "},
      {"ended join 0", "end_trial; owned; country de; is joined; online; "}}},
    {"a renewal fails: the owner may come back", "builtin",
     {{"wifi 1", ""},
      {"uid 5", ""},
      {"country de", ""},
      {"start", "own_token; country de; owned; is identity; is token; is provisioned; online; "},
      {"network lan -", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"ended join 1", ""},
      {"wait 3000", "run join; "},
      {"ended join 1", ""},
      {"wait 3000", "run join; "},
      {"ended join 1", "say join_failed; cloud_stop; is join_failed; drop; country -; nobodys; run ap; "},
      {"ended ap 0", "is ap; "},
      {"network lan -", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"ended join 0", "end_trial; owned; country -; is joined; online; "},
      {"network lan -", "save; is joining; answer ok; "}}},
    {"enauth: only the owner, over the LAN", "builtin",
     {{"wifi 1", ""},
      {"uid 5", ""},
      {"enauth 1", ""},
      {"start", "own_token; owned; is identity; is token; is provisioned; online; "},
      {"network ble 5", "answer Operation not permitted; "},
      {"network local 5", "answer Operation not permitted; "},
      {"network lan 6", "answer Operation not permitted; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"state", "waiting"}}},
    {"enauth without an owner: nobody", "builtin",
     {{"enauth 1", ""},
      {"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"enauth 1", ""},
      {"network lan 5", "answer Operation not permitted; "},
      {"state", "ap"}}},
    {"one network at a time", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"network lan 5", "answer Device or resource busy; "},
      {"wait 500", "run join; "},
      {"network ble 5", "answer Device or resource busy; "},
      {"state", "joining"}}},
    {"a zone comes with the network: link and program", "builtin",
     {{"link 1", ""},
      {"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan 5 - Europe/Berlin", "save; link_zone; is joining; answer ok; run zone; "},
      {"ended zone 0", ""},
      {"wait 500", "run join; "}}},
    {"a zone alone", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"zone UTC", "run zone; answer ok; "},
      {"zone UTC", "answer No such file or directory; "},
      {"ended zone 1", ""},
      {"program 0", ""},
      {"zone UTC", "answer No such file or directory; "},
      {"link 1", ""},
      {"zone UTC", "link_zone; answer ok; "},
      {"fail link_zone", ""},
      {"zone UTC", "link_zone!; answer No such file or directory; "},
      {"program 1", ""},
      {"fail run", ""},
      {"zone UTC", "link_zone; run zone!; answer ok; "},
      {"link 0", ""},
      {"fail run", ""},
      {"zone UTC", "run zone!; answer No such file or directory; "},
      {"zone UTC", "run zone; answer ok; "}}},
    {"reset: files, answer, then the rest", "builtin",
     {{"wifi 1", ""},
      {"uid 5", ""},
      {"country de", ""},
      {"enauth 1", ""},
      {"start", "own_token; country de; owned; is identity; is token; is provisioned; online; "},
      {"reset", "forget; answer ok; "},
      {"state", "leaving"},
      {"due", "500"},
      {"reset", "answer ok; "},
      {"reboot", "answer Function not implemented; "},
      {"network lan 5", "answer Device or resource busy; "},
      {"enauth 1", ""},
      {"wait 499", ""},
      {"wait 1", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; remove_enauth; country -; run restore; "},
      {"state", "restoring"},
      {"due", "never"},
      {"ended restore 3", "nobodys; run ap; "},
      {"state", "ap_opening"},
      {"ended ap 0", "is ap; "},
      {"state", "ap"},
      {"due", "never"}}},
    {"reset without a program", "builtin",
     {{"wifi 1", ""},
      {"program 0", ""},
      {"start", "own_token; owned; is identity; is token; is provisioned; online; "},
      {"reset", "forget; answer ok; "},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; nobodys; run ap; "},
      {"ended ap 1", "is ap; "},
      {"state", "ap"}}},
    {"reset whose program does not start", "builtin",
     {{"wifi 1", ""},
      {"start", "own_token; owned; is identity; is token; is provisioned; online; "},
      {"reset", "forget; answer ok; "},
      {"fail run", ""},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; run restore!; nobodys; run ap; "},
      {"state", "ap_opening"}}},
    {"the disk refuses the reset: the device is what it was", "builtin",
     {{"wifi 1", ""},
      {"start", "own_token; owned; is identity; is token; is provisioned; online; "},
      {"fail forget", ""},
      {"reset", "forget!; answer Input/output error; "},
      {"state", "joined"},
      {"due", "never"},
      {"reset", "forget; answer ok; "}}},
    {"reset while a network is joined", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"reset", "forget; answer ok; "},
      {"state", "leaving"},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; run restore; "}}},
    {"reset while the program joins: it is killed", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"reset", "forget; kill; answer ok; "},
      {"state", "leaving"},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; run restore; "},
      {"ended restore 0", "nobodys; run ap; "},
      {"reset", "forget; kill; answer ok; "},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; run restore; "}}},
    {"reset while the reset's program runs: once more", "builtin",
     {{"wifi 1", ""},
      {"start", "own_token; owned; is identity; is token; is provisioned; online; "},
      {"reset", "forget; answer ok; "},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; run restore; "},
      {"reset", "forget; kill; answer ok; "},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; run restore; "}}},
    {"reset of a device without provisioning", "wired",
     {{"start", "own_token; owned; is identity; is token; is provisioned; online; "},
      {"state", "joined"},
      {"network lan 5", "answer Operation not permitted; "},
      {"reset", "forget; answer ok; "},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; run restore; "},
      {"ended restore 0", "is provisioned; online; "},
      {"state", "joined"},
      {"due", "never"}}},
    {"reboot", "builtin",
     {{"wifi 1", ""},
      {"start", "own_token; owned; is identity; is token; is provisioned; online; "},
      {"reboot", "answer ok; "},
      {"due", "500"},
      {"reset", "answer Device or resource busy; "},
      {"reboot", "answer Function not implemented; "},
      {"network lan 5", "answer Device or resource busy; "},
      {"wait 500", "run reboot; "},
      {"due", "never"},
      {"reboot", "answer ok; "},
      {"ended reboot 0", ""},
      {"due", "never"},
      {"reboot", "answer ok; "},
      {"fail run", ""},
      {"wait 500", "run reboot!; "},
      {"due", "never"}}},
    {"reboot without a program", "builtin",
     {{"program 0", ""},
      {"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"reboot", "answer Function not implemented; "},
      {"due", "never"}}},
    {"a reboot waits for the program that joins, a try for the reboot's", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"reboot", "answer ok; "},
      {"due", "never"},
      {"wait 5000", ""},
      {"ended join 1", ""},
      {"due", "0"},
      {"wait 0", "run reboot; "},
      {"due", "never"},
      {"wait 9000", ""},
      {"ended reboot 1", ""},
      {"wait 0", "run join; "}}},
    {"a reset ends the reboot's program", "builtin",
     {{"wifi 1", ""},
      {"start", "own_token; owned; is identity; is token; is provisioned; online; "},
      {"reboot", "answer ok; "},
      {"wait 500", "run reboot; "},
      {"reset", "forget; kill; answer ok; "},
      {"wait 500", "say reset; cloud_forget; cloud_stop; forget_reports; new_token; country -; run restore; "}}},
    {"did 0: asked for at once, a day between two tries", "builtin",
     {{"did 0", ""},
      {"start", "own_token; owned; is provisioned; is ask_identity_0; "},
      {"state", "joined"},
      {"wait 0", "run identity; "},
      {"due", "never"},
      {"ended identity 1", "say identity_later; "},
      {"due", "86400000"},
      {"wait 86399999", ""},
      {"wait 1", "run identity; "},
      {"fail read_identity", ""},
      {"ended identity 0", "read_identity!; say no_identity; "},
      {"due", "86400000"},
      {"wait 86400000", "run identity; "},
      {"ended identity 0", "read_identity; say identity_is; is identity; is token; is provisioned; online; "},
      {"due", "never"}}},
    {"did 1: asked for after joining, half a minute between two tries", "builtin",
     {{"did 1", ""},
      {"start", "fresh_token; forget_reports; nobodys; is ap; look_at_hooks; "},
      {"due", "never"},
      {"network lan 5", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"ended join 0", "end_trial; owned; country -; is joined; is ask_identity_1; "},
      {"wait 0", "run identity; "},
      {"ended identity 2", "say identity_later; "},
      {"wait 29999", ""},
      {"wait 1", "run identity; "},
      {"fail run", ""},
      {"ended identity 2", "say identity_later; "},
      {"wait 30000", "run identity!; "},
      {"due", "30000"},
      {"wait 30000", "run identity; "},
      {"ended identity 0", "read_identity; say identity_is; is identity; is token; is provisioned; online; "}}},
    {"a reload takes tries, pause and the country", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"country fr", ""},
      {"reload 1 77", "country fr; nobodys; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"ended join 1", "say join_failed; cloud_stop; is join_failed; drop; country -; nobodys; run ap; "},
      {"state", "ap_opening"}}},
    {"a reload's pause", "builtin",
     {{"start", "fresh_token; forget_reports; nobodys; is identity; is token; is ap; look_at_hooks; "},
      {"reload 2 77", "country -; nobodys; "},
      {"network lan 5", "save; is joining; answer ok; "},
      {"wait 500", "run join; "},
      {"ended join 1", ""},
      {"due", "77"}}},
    {"a helper leads the start", "external",
     {{"did 0", ""},
      {"start", ""},
      {"due", "5000"},
      {"wait 4999", ""},
      {"wait 1", "say no_helper; "},
      {"wait 5000", "say no_helper; "},
      {"heard", ""},
      {"due", "never"},
      {"token 0123456789abcdef", "set_token; "},
      {"identity", "take_identity; stage 1; is identity; "},
      {"identity", ""},
      {"country_said DE", "country de; "},
      {"token short", "say bad_token; "},
      {"fail set_token", ""},
      {"token 0123456789abcdef", "set_token!; say bad_token; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 1", "stage 3; owned; ask_info; is provisioned; online; "},
      {"state", "joined"},
      {"wifi_said 0", ""},
      {"connected", "ask_info; owned; country de; is joined; online; "},
      {"due", "never"}}},
    {"a helper says that there is no network", "external",
     {{"start", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 0", "stage 3; remove_enauth; remove_wifi; forget_reports; nobodys; ask_info; is ap; "},
      {"state", "ap"},
      {"failed", ""},
      {"ap", ""},
      {"network lan 5 sg", "save; ask_join; is joining; answer ok; "},
      {"state", "asked"},
      {"due", "360000"},
      {"wifi 1", ""},
      {"connected", "end_trial; ask_info; owned; country sg; is joined; online; "},
      {"state", "joined"},
      {"due", "never"}}},
    {"a helper whose script lets the client keep the network", "external",
     {{"start", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 0", "stage 3; remove_enauth; remove_wifi; forget_reports; nobodys; ask_info; is ap; "},
      {"network lan 5 sg", "save; ask_join; is joining; answer ok; "},
      {"wifi 0", ""},
      {"connected", "save; ask_info; owned; country sg; is joined; online; "},
      {"state", "joined"}}},
    {"a helper cannot join", "external",
     {{"start", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 1", "stage 3; owned; ask_info; is provisioned; online; "},
      {"network lan 5 sg", "save; ask_join; is joining; answer ok; "},
      {"network lan 5", "answer Device or resource busy; "},
      {"reset", "answer Function not implemented; "},
      {"reboot", "answer Function not implemented; "},
      {"failed", "cloud_stop; is join_failed; drop; country -; nobodys; is ap; "},
      {"failed", ""},
      {"ap", ""},
      {"due", "never"}}},
    {"a helper ends a join at the access point", "external",
     {{"start", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 0", "stage 3; remove_enauth; remove_wifi; forget_reports; nobodys; ask_info; is ap; "},
      {"network lan 5", "save; ask_join; is joining; answer ok; "},
      {"ap", "cloud_stop; is join_failed; drop; country -; nobodys; is ap; "},
      {"state", "ap"},
      {"ap", ""}}},
    {"a helper never says how joining ended", "external",
     {{"start", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 0", "stage 3; remove_enauth; remove_wifi; forget_reports; nobodys; ask_info; is ap; "},
      {"network lan 5", "save; ask_join; is joining; answer ok; "},
      {"wait 359999", ""},
      {"wait 1", "say helper_mute; cloud_stop; is join_failed; drop; country -; nobodys; is ap; "},
      {"state", "ap"},
      {"due", "never"}}},
    {"a helper has reset the device", "external",
     {{"wifi 1", ""},
      {"uid 5", ""},
      {"start", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 1", "stage 3; owned; ask_info; is provisioned; online; "},
      {"failed", ""},
      {"ap", "cloud_stop; say helper_reset; drop; country -; remove_enauth; forget_reports; nobodys; is ap; "},
      {"state", "ap"},
      {"ap", ""}}},
    {"a helper is asked for a network that the last run did not join", "external",
     {{"wifi 1", ""},
      {"trial next", ""},
      {"country de", ""},
      {"start", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 1", "stage 3; owned; ask_info; ask_join; is joining; "},
      {"state", "asked"},
      {"connected", "end_trial; ask_info; owned; country de; is joined; online; "}}},
    {"no memory to ask for it: the network is what it was", "external",
     {{"wifi 1", ""},
      {"trial next", ""},
      {"start", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"fail ask_join", ""},
      {"wifi_said 1", "stage 3; owned; ask_info; ask_join!; is provisioned; online; "},
      {"state", "joined"},
      {"fail ask_join", ""},
      {"network lan 5", "save; ask_join!; answer Input/output error; "},
      {"state", "joined"},
      {"fail save", ""},
      {"network lan 5", "save!; answer Input/output error; "}}},
    {"a network comes before the helper has said anything", "external",
     {{"start", ""},
      {"network lan 5", "save; ask_join; is joining; answer ok; "},
      {"state", "asked"},
      {"connected", ""},
      {"failed", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 1", "stage 3; owned; ask_info; ask_join; is joining; "},
      {"connected", "end_trial; ask_info; owned; country -; is joined; online; "},
      {"state", "joined"}}},
    {"a network comes first, and the helper says there is none", "external",
     {{"start", ""},
      {"network lan 5", "save; ask_join; is joining; answer ok; "},
      {"trial none", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 0", "stage 3; remove_enauth; remove_wifi; forget_reports; nobodys; ask_info; is ap; "},
      {"state", "asked"},
      {"connected", "save; ask_info; owned; country -; is joined; online; "},
      {"state", "joined"}}},
    {"a network comes first, and is there", "external",
     {{"start", ""},
      {"network lan 5", "save; ask_join; is joining; answer ok; "},
      {"trial none", ""},
      {"heard", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"wifi_said 1", "stage 3; owned; ask_info; is provisioned; online; "},
      {"state", "asked"},
      {"ap", "cloud_stop; is join_failed; drop; country -; nobodys; is ap; "}}},
    {"a mute helper: going by the files", "external",
     {{"wifi 1", ""},
      {"start", ""},
      {"heard", ""},
      {"silent", "stage 1; is identity; "},
      {"silent", "own_token; stage 2; is token; "},
      {"silent", "stage 3; owned; ask_info; is provisioned; online; "},
      {"state", "joined"},
      {"silent", ""}}},
    {"a mute helper of a device that is nobody's", "external",
     {{"model 0", ""},
      {"start", ""},
      {"heard", ""},
      {"silent", ""},
      {"model 1", ""},
      {"silent", "stage 1; is identity; "},
      {"fail fresh_token", ""},
      {"silent", "fresh_token!; "},
      {"silent", "fresh_token; stage 2; is token; "},
      {"silent", "stage 3; remove_enauth; remove_wifi; forget_reports; nobodys; ask_info; is ap; "},
      {"state", "ap"}}},
    {"a zone is the helper's", "external",
     {{"start", ""},
      {"zone UTC", "ask_zone; answer ok; "},
      {"fail ask_zone", ""},
      {"zone UTC", "ask_zone!; answer No such file or directory; "}}},
    {"identity, token and network out of their turn", "external",
     {{"start", ""},
      {"wifi_said 1", ""},
      {"identity", "take_identity; stage 1; is identity; "},
      {"wifi_said 1", ""},
      {"token 0123456789abcdef", "set_token; stage 2; is token; "},
      {"identity", ""},
      {"token 30313233343536373839616263646566", "set_token; "},
      {"country_said ??", "country -; "},
      {"wifi_said 1", "stage 3; owned; ask_info; is provisioned; online; "},
      {"silent", ""}}},
    {"a helper's device without an identity asks for it", "external",
     {{"did 1", ""},
      {"start", ""},
      {"heard", ""},
      {"silent", "stage 1; is identity; "},
      {"silent", "fresh_token; stage 2; is token; "},
      {"wifi 1", ""},
      {"silent", "stage 3; owned; ask_info; is provisioned; is ask_identity_1; "},
      {"wait 0", "run identity; "},
      {"did 7", ""},
      {"connected", "ask_info; owned; country -; is joined; online; "}}},
};
/* clang-format on */

static void test_stories(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(stories); i++) {
        struct setup_rig r;

        setup_rig_open(&r, stories[i].mode);
        for (const struct step *s = stories[i].steps; s->line; s++) {
            setup_rig_do(&r, s->line);
            if (getenv("SETUP_STORIES")) /* to see what they are now */
                printf("%s\n", r.out);
            else if (strcmp(r.out, s->decisions) != 0)
                fail_msg("%s, step %td (%s): '%s'", stories[i].name, s - stories[i].steps, s->line, r.out);
        }
        setup_rig_close(&r);
    }
}

/* ---- walks ---- */

static unsigned draw(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % n;
}

/* A request is answered once, and nothing else is. */
static void check_answers(const struct setup_rig *r, const char *line)
{
    static const char *const requests[] = {"network", "zone ", "reset", "reboot"};
    unsigned want = 0;

    for (size_t i = 0; i < ag_array_size(requests); i++)
        want += strncmp(line, requests[i], strlen(requests[i])) == 0;
    if (r->n_answers != want)
        fail_msg("%s: %u answers, %s", line, r->n_answers, r->out);
}

/* Who is not joining knows no key any more; what waits has a deadline or a program. */
static void check_rest(const struct setup_rig *r, const char *line)
{
    static const struct router_params nothing;
    const struct setup_machine *m = &r->m;

    if (!setup_is_joining(m) && m->state != SETUP_LEAVING && memcmp(&m->params, &nothing, sizeof nothing) != 0)
        fail_msg("%s: params stay in state %s", line, setup_state_name(m->state));
    if (setup_is_busy(m) && r->n_place == 0 && !r->running[SETUP_RUN_IDENTITY] && setup_next_deadline(m) == UINT64_MAX)
        fail_msg("%s: state %s has no end", line, setup_state_name(m->state));
    assert_int_equal(r->n_place, m->state == SETUP_AP_OPENING || m->state == SETUP_JOINING || m->state == SETUP_RESTORING ||
                                     m->reboot == SETUP_REBOOTING);
}

static void end_a_program(struct setup_rig *r, unsigned *seed)
{
    static const char *const names[] = {"ap", "join", "restore", "reboot", "zone", "identity"};
    unsigned first = draw(seed, 6);
    char line[32];

    r->n_answers = 0;
    for (unsigned i = 0; i < 6; i++) {
        unsigned p = (first + i) % 6;

        if (!r->running[p])
            continue;
        snprintf(line, sizeof line, "ended %s %u", names[p], draw(seed, 2));
        setup_rig_do(r, line);
        return;
    }
}

static const char *const words[] = {
    "network lan 5 sg", "network lan -", "network ble 6", "network lan 0 - Europe/Berlin", "zone UTC", "reset", "reboot",
    "reload 2 50", "wait 100", "wait 500", "wait 3000", "wait 400000", "enauth 1", "program 0", "program 1", "link 1", "link 0",
    "did 1", "did 7", "heard", "identity", "token 0123456789abcdef", "wifi_said 0", "wifi_said 1", "connected", "failed", "ap",
    "silent", "fail run", "fail save", "fail forget", "fail ask_join", "fail set_token"};

static void walk(const char *mode, unsigned seed, bool seen[SETUP_N_STATES])
{
    struct setup_rig r;

    setup_rig_open(&r, mode);
    setup_rig_do(&r, "start");
    for (unsigned i = 0; i < 4000; i++) {
        /* a builtin helper says nothing */
        unsigned n = draw(&seed, ag_array_size(words) + 8);
        const char *line = n < ag_array_size(words) ? words[n] : NULL;
        bool of_helper = n >= 19 && n <= 27;

        if (of_helper && strcmp(mode, "external") != 0)
            line = NULL;
        if (line)
            setup_rig_do(&r, line);
        else
            end_a_program(&r, &seed);
        check_answers(&r, line ? line : "ended");
        check_rest(&r, line ? line : "ended");
        seen[r.m.state] = true;
    }
    setup_rig_close(&r);
}

static void test_walks(void **state)
{
    static const char *const modes[] = {"builtin", "external", "wired"};
    bool seen[SETUP_N_STATES] = {false};

    (void) state;
    for (unsigned seed = 1; seed <= 30; seed++)
        walk(modes[seed % 3], seed, seen);
    for (unsigned i = 0; i < SETUP_N_STATES; i++)
        assert_true(seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_walks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
