#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
A lamp on agent.py: serves get_prop and set_power, and reports when it is switched.

    lamp.py [ADDRESS]          unix:PATH or tcp:HOST:PORT; default as every application
"""
import asyncio
import logging
import sys

from agent import INVALID_PARAMS, Agent, AgentError

state = {"power": "off"}


async def main():
    async def set_power(params, command):
        if params not in (["on"], ["off"]):
            raise AgentError(INVALID_PARAMS, "on or off")
        if state["power"] != params[0]:
            state["power"] = params[0]
            await agent.report("props", state)
        print("set_power", params[0], flush=True)
        return ["ok"]

    def get_prop(params, command):
        return [state.get(name) for name in params]

    agent = Agent(sys.argv[1] if len(sys.argv) > 1 else None, on_state=lambda up: print("connected" if up else "lost", flush=True))
    await agent.subscribe("set_power", set_power)
    await agent.subscribe("get_prop", get_prop)
    async with agent:
        await agent.closed()


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(message)s")
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
