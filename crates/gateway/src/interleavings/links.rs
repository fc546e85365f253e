//! Links and devices whose behaviour the seed decides.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use setpoint_interleave::{below, chance, note, task, turns};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::books::Books;
use crate::{
    ports::{ChannelEvents, DeviceEvents, DeviceMessage, HandOver, HandedOver, Publication, Published},
    run::RunHandle,
};

/// The devices' link: up and down; it loses, refuses and acknowledges commands.
pub(super) async fn devices(mut commands: mpsc::UnboundedReceiver<HandOver>, run: RunHandle, books: Arc<Mutex<Books>>) {
    let mut up = false;
    loop {
        let command = match timeout(Duration::from_millis(below(150)), commands.recv()).await {
            Ok(Some(command)) => command,
            // The run loop has ended.
            Ok(None) => return,
            Err(_) => {
                if !up || chance(8) {
                    up = !up;
                    run.link(up);
                }
                continue;
            }
        };
        let id = command.message_id;
        books.lock().unwrap().command(id);
        let taken = |how| run.handed_over(id, how);
        match if up { below(10) } else { 0 } {
            0 => taken(HandedOver::NotSent),
            1 => {
                books.lock().unwrap().may_have_arrived(id);
                up = false;
                // As the real link does: the loss is told first, or the next command would be handed over to it.
                run.link(false);
                if chance(2) {
                    answer(&command, &run);
                }
                taken(HandedOver::Unclear);
            }
            _ => {
                books.lock().unwrap().may_have_arrived(id);
                answer(&command, &run);
                // The answer may overtake the acknowledgement.
                pause().await;
                taken(HandedOver::Taken);
            }
        }
    }
}

/// A device answers: at once or after a while, once, twice or not at all.
fn answer(command: &HandOver, run: &RunHandle) {
    let topic = format!("{}_reply", command.topic);
    let command: Value = serde_json::from_slice(&command.payload).unwrap();
    let run = run.clone();
    tokio::spawn(task("device", async move {
        if chance(2) {
            sleep(Duration::from_millis(below(400))).await;
        }
        let times = if chance(6) { 0 } else { 1 + below(2) };
        for _ in 0..times {
            pause().await;
            let payload = json!({ "id": command["id"], "code": if chance(4) { 500 } else { 200 }, "data": {} });
            let message = DeviceMessage {
                topic: topic.clone().into(),
                payload: payload.to_string().into(),
                retained: false,
                received: setpoint_clock::now(),
            };
            // The run loop may have ended.
            let _ = run.message(message).await;
        }
    }));
}

/// The channels' link: it acknowledges every message, at some time.
pub(super) async fn channels(
    mut messages: mpsc::UnboundedReceiver<Publication>,
    run: RunHandle,
    books: Arc<Mutex<Books>>,
) {
    while let Some(publication) = messages.recv().await {
        let body = String::from_utf8(publication.body.to_vec()).unwrap();
        let message: Value = serde_json::from_str(&body).unwrap();
        let ids =
            message["data"].as_array().unwrap().iter().map(|reply| reply["requestId"].as_str().unwrap().to_owned());
        let ids: Vec<_> = ids.collect();
        note(|| format!("finals of {ids:?}"));
        books.lock().unwrap().publish(publication.id, body, &ids);
        let (id, run) = (publication.id, run.clone());
        tokio::spawn(task("acknowledgement", async move {
            pause().await;
            if chance(4) {
                sleep(Duration::from_millis(below(500))).await;
            }
            run.published(id, Published::Done);
        }));
    }
}

pub(super) async fn pause() {
    match below(3) {
        0 => {}
        1 => turns(below(20)).await,
        _ => sleep(Duration::from_millis(below(40))).await,
    }
}
