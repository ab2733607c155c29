/* A session of the npm package zookeeper: node session.js HOSTS. Prints "ok" at the end. */
'use strict';
const ZooKeeper = require('zookeeper');

async function main() {
    const zk = new ZooKeeper({connect: process.argv[2], timeout: 10000, debug_level: 1,
                              host_order_deterministic: false});
    await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no connection')), 15000);
        zk.once('connect', () => { clearTimeout(timer); resolve(); });
        zk.init({});
    });
    const path = await zk.create('/npm', 'first', ZooKeeper.constants.ZOO_EPHEMERAL);
    if (path !== '/npm') throw new Error('created ' + path);
    const changed = new Promise((resolve) => {
        zk.w_get('/npm', (type, state, at) => resolve([type, at]));
    });
    const stat = await zk.set('/npm', 'second', 0);
    if (stat.version !== 1) throw new Error('version ' + stat.version);
    const event = await changed;
    if (event[0] !== ZooKeeper.constants.ZOO_CHANGED_EVENT || event[1] !== '/npm')
        throw new Error('event ' + event);
    const [, data] = await zk.get('/npm', false);
    if (data.toString() !== 'second') throw new Error('read ' + data);
    const names = await zk.get_children('/', false);
    if (!names.includes('npm')) throw new Error('children ' + names);
    const all = await Promise.all(Array.from({length: 200}, () => zk.get('/npm', false)));
    if (!all.every((answer) => answer[1].toString() === 'second')) throw new Error('a burst');
    await zk.delete_('/npm', 1);
    const gone = await zk.pathExists('/npm', false);
    if (gone) throw new Error('still there');
    zk.close();
    console.log('ok');
}

main().catch((error) => { console.error(error); process.exit(1); });
