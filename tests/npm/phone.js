// SPDX-License-Identifier: MIT
// A phone made of the npm package miio: {"method", "params"} a line on standard input, {"result"} or {"error"} a line back.
//   NODE_PATH=.../node_modules node phone.js ADDRESS TOKEN
'use strict';
const readline = require('readline');
const miio = require('miio');

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');

async function main() {
	const device = await miio.device({ address: process.argv[2], token: process.argv[3] });
	say({ result: device.miioModel });
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const { method, params } = JSON.parse(line);
		try {
			say({ result: await device.miioCall(method, params) });
		} catch (error) {
			say({ error: { code: error.code, message: error.message } });
		}
	}
}

main().then(() => process.exit(0), (error) => {
	say({ error: { code: error.code, message: String(error) } });
	process.exit(1);
});
