#!/usr/bin/env lua5.3
-- SPDX-License-Identifier: MIT
--[[
Serves the method "lua.add" in MessagePack-RPC, with nothing but Lua's socket and MessagePack libraries: the agent speaks the
protocol itself. First it asks one question.

    msgpack_rpc.lua [PORT]      (Debian: lua5.3 lua-socket lua-messagepack)
]]
local socket = require "socket"
local mp = require "MessagePack"

local REQUEST, RESPONSE, NOTIFICATION = 0, 1, 2

local agent = assert(socket.connect("127.0.0.1", tonumber(arg[1]) or 54320))

mp.set_array "with_hole" -- nil is an element

local function send(message)
    assert(agent:send(mp.pack(message)))
end

-- Messages come back to back, and in pieces: the library asks for more bytes when it needs them.
local next_message = mp.unpacker(function()
    local data, why = agent:receive(1)
    return assert(data, why)
end)

local function receive()
    local _, message = next_message()
    return message
end

local function call(id, method, params)
    send {REQUEST, id, method, params}
    local answer = receive()
    assert(answer[1] == RESPONSE and answer[2] == id)
    return answer[4], answer[3]
end

local info = call(1, "agent.info", {})
print("agent " .. info.version)
local _, err = call(2, "register", {key = "lua.add"})
assert(not err, err and err.message)
print("registered")
io.stdout:flush()

while true do
    local message = receive()
    if message[1] == REQUEST then
        local sum = 0
        for _, n in ipairs(message[4]) do
            sum = sum + n
        end
        send {RESPONSE, message[2], nil, {sum}}
    elseif message[1] == NOTIFICATION then
        print("notification", message[2])
    end
    io.stdout:flush()
end
