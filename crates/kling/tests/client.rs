//! The client as a program uses it: a run that is run again, unfinished jobs, unknown outcomes, outputs on disk.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal", feature = "kling-1-6"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod setup;

use std::fs;
use std::future::pending;
use std::time::Duration;

use kling::models::kling_1_6_pro_image_to_video::{Input, Kling16ProImageToVideo};
use kling::transport::JobRef;
use kling::{Client, ErrorKind, Job, JobUpdate};
use kling_sim::{Call, Fault, Reply, Sim};
use setup::{Setup, input, model, until};
use tempfile::tempdir;

fn typed(name: &str) -> Input {
    Input::builder().image_url(format!("https://example.com/{name}.jpg")).build().unwrap()
}

#[tokio::test]
async fn a_run_that_is_run_again_pays_once_and_saves_once() {
    for is_async in [true, false] {
        let (setup, folder) = (Setup::new(), tempdir().unwrap());
        let path = folder.path().join("clip.mp4");
        for _ in 0..3 {
            let saved = if is_async {
                setup.client().run(&typed("a")).await.unwrap().save_as(&path).await.unwrap()
            } else {
                let (client, path) = (setup.blocking(), path.clone());
                let run = move || client.run(&typed("a")).unwrap().save_as(path).unwrap();
                tokio::task::spawn_blocking(run).await.unwrap()
            };
            assert_eq!(saved[0].path, path);
        }
        assert_eq!((setup.posts(), fs::read_dir(folder.path()).unwrap().count()), (1, 1));
        let statuses = || setup.sim.requests().iter().filter(|call| call.call == Call::Status).count();
        let before = statuses();
        let completed = setup.client().run(&typed("a")).await.unwrap();
        assert!(completed.output().video.is_some() && completed.cost_usd().is_some());
        assert_eq!(statuses(), before, "no call is made for a job whose file is there");
        // Without its file, the job serves no longer.
        fs::remove_file(&path).unwrap();
        setup.client().run(&typed("a")).await.unwrap().save_as(&path).await.unwrap();
        assert_eq!((setup.posts(), setup.entries().len()), (2, 2));
        // A submit always makes a new job.
        setup.client().submit(&typed("a")).await.unwrap();
        assert_eq!(setup.posts(), 3);
    }
}

#[tokio::test]
async fn a_run_takes_up_the_job_that_a_crash_left() {
    let setup = Setup::with(Sim::builder().manual_time().start().unwrap());
    let client = setup.client();
    // As in a crash, no destructor runs.
    std::mem::forget(client.submit(&typed("a")).await.unwrap());
    let (other, input) = (setup.client(), typed("a"));
    let (completed, ()) = tokio::join!(other.run(&input), async {
        until(|| setup.sim.requests().iter().any(|call| call.call == Call::Status)).await;
        setup.sim.advance(Duration::from_secs(60));
    });
    assert_eq!(completed.unwrap().id().as_str(), setup.sim.billed()[0].request_id);
    assert_eq!(setup.posts(), 1);
}

#[tokio::test]
async fn two_runs_at_once_pay_once() {
    let setup = Setup::new();
    let (one, other, input) = (setup.client(), setup.client(), typed("a"));
    setup.sim.fault_next(Call::Submit, Fault::Stall(Duration::from_millis(200)));
    let (first, second) = tokio::join!(one.run(&input), async {
        until(|| setup.posts() == 1).await;
        other.run(&input).await
    });
    let outcomes = [first, second].map(|outcome| outcome.map(drop).map_err(|error| error.kind()));
    assert!(outcomes.contains(&Err(ErrorKind::DuplicateRequest)), "{outcomes:?}");
    assert_eq!(setup.posts(), 1);
}

#[tokio::test]
async fn unfinished_jobs_are_locked_handles_until_their_outputs_are_saved() {
    let (setup, folder) = (Setup::new(), tempdir().unwrap());
    let client = setup.client();
    let target = folder.path().join("clip.mp4");
    let first = client.clone().with_output_path(&target).submit(&typed("a")).await.unwrap();
    let second = client.submit(&typed("b")).await.unwrap();
    let (first, second) = (first.detach(), second.detach());
    let other = setup.client();
    let jobs = other.unfinished().await.unwrap();
    let ids: Vec<_> = jobs.iter().map(|job| job.id().clone()).collect();
    assert_eq!(ids, [first.id().clone(), second.id().clone()]);
    assert_eq!(jobs[0].output_path(), Some(&target));
    assert_eq!(jobs[0].model().map(ToString::to_string), Some(model().to_string()));
    assert!(jobs.iter().all(Job::is_locked));
    for job in jobs {
        job.await.unwrap().save(folder.path()).await.unwrap();
    }
    assert!(setup.client().unfinished().await.unwrap().is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    assert!(setup.entries().iter().all(|entry| !entry.is_locked()));
}

#[tokio::test]
async fn an_unknown_outcome_is_named_and_settled() {
    let setup = Setup::new();
    let client = setup.client();
    for name in ["a", "b"] {
        setup.sim.fault_next(Call::Submit, Fault::DropProcessed);
        let error = client.submit(&typed(name)).await.unwrap_err();
        assert!(error.kind() == ErrorKind::UnknownOutcome && error.is_money_at_stake());
        assert!(error.unknown_outcome().unwrap().intent_id().is_some());
    }
    let mut unknown = client.unknown_outcomes().await.unwrap();
    assert_eq!(
        unknown.iter().map(|one| one.model().to_owned()).collect::<Vec<_>>(),
        vec![model().to_string(); 2]
    );
    let id = setup.sim.billed()[0].request_id.parse().unwrap();
    unknown.remove(0).settle_as_submitted(&id).unwrap();
    unknown.remove(0).settle_as_not_submitted().unwrap();
    assert!(client.unknown_outcomes().await.unwrap().is_empty());
    let jobs = client.unfinished().await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.id().clone()).collect::<Vec<_>>(), [id]);
    client.submit(&typed("b")).await.unwrap();
}

#[tokio::test]
async fn a_handle_comes_back_from_its_json() {
    let setup = Setup::new();
    let stored = serde_json::to_string(&setup.client().submit(&typed("a")).await.unwrap()).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&stored).unwrap();
    let keys: Vec<_> = facts.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["request_id", "model", "submitted_at", "account"]);
    assert!(!stored.contains(setup.sim.token()));
    let job: JobRef<Kling16ProImageToVideo> = serde_json::from_str(&stored).unwrap();
    let completed = setup.client().attach(job).await.await.unwrap();
    assert!(completed.output().video.is_some());
    let wrong = stored.replace("kling-1-6", "kling-1-5");
    assert!(serde_json::from_str::<JobRef<Kling16ProImageToVideo>>(&wrong).is_err());
}

#[tokio::test]
async fn every_output_is_saved_beside_files_that_exist() {
    let setup = Setup::with(Sim::builder().speed(500.0).output_count(3).start().unwrap());
    let folder = tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    fs::write(&path, "mine").unwrap();
    let completed = setup.client().run(&typed("a")).await.unwrap();
    let names = |saved: Vec<kling::transport::Downloaded>| {
        saved
            .iter()
            .map(|file| file.path.file_name().unwrap().to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    let id = completed.id().clone();
    let mut received = 0;
    let saved = completed.save_as(&path).on_progress(|progress| received = progress.received).await.unwrap();
    assert_eq!(names(saved), [format!("kling-{id}.mp4"), "clip-2.mp4".to_owned(), "clip-3.mp4".to_owned()]);
    assert!(received > 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let again = completed.save_as(&path).await.unwrap();
    assert_eq!(names(again), [format!("kling-{id}.mp4"), "clip-2.mp4".to_owned(), "clip-3.mp4".to_owned()]);
    let downloads = || setup.sim.requests().iter().filter(|call| call.call == Call::Output).count();
    assert_eq!(downloads(), 3, "nothing is fetched twice");
    let elsewhere = folder.path().join("more").join("");
    let saved = completed.save_as(&elsewhere).await.unwrap();
    assert!(saved.len() == 3 && saved.iter().all(|file| file.path.starts_with(&elsewhere)));
    assert_eq!(setup.entries()[0].files().len(), 6, "each file is recorded once");
    assert_eq!(completed.bytes(1).await.unwrap(), fs::read(folder.path().join("clip-2.mp4")).unwrap());
    assert_eq!(completed.bytes(9).await.unwrap_err().kind(), ErrorKind::Content);
}

#[tokio::test]
async fn an_output_that_cannot_be_saved_leaves_the_job_unfinished() {
    let (setup, folder) = (Setup::new(), tempdir().unwrap());
    let completed = setup.client().run(&typed("a")).await.unwrap();
    let not_a_folder = folder.path().join("file");
    fs::write(&not_a_folder, "").unwrap();
    let error = completed.save(&not_a_folder).await.unwrap_err();
    assert!(error.is_money_at_stake() && error.request_id() == Some(completed.id()), "{error}");
    assert!(error.output_url().is_some_and(|url| !error.to_string().contains(url)));
    drop(completed);
    assert_eq!(setup.client().unfinished().await.unwrap().len(), 1);
}

#[tokio::test]
async fn updates_end_with_the_result_async_and_blocking() {
    let setup = Setup::new();
    let job = setup.client().submit(&typed("a")).await.unwrap();
    let (mut updates, mut changes, mut done) = (job.updates(), 0, 0);
    while let Some(event) = updates.next().await {
        match event.update {
            JobUpdate::Changed(_) => changes += 1,
            JobUpdate::Done(Ok(_)) => done += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(changes > 0 && done == 1);
    let client = setup.blocking();
    let blocking = move || {
        let updates = client.submit(&typed("b")).unwrap().updates();
        updates.filter(|event| matches!(event.update, JobUpdate::Done(Ok(_)))).count()
    };
    assert_eq!(tokio::task::spawn_blocking(blocking).await.unwrap(), 1);
}

#[tokio::test]
async fn a_wrong_input_in_json_is_refused_with_every_violation_and_nothing_is_sent() {
    let setup = Setup::new();
    let wrong = serde_json::json!({ "image_url": "nowhere", "duration": 7, "promt": "x" });
    let error = setup.client().run_json(&model(), &wrong).await.unwrap_err();
    let violations = error.violations().unwrap();
    let pointers: Vec<_> = violations.iter().map(|violation| violation.pointer()).collect();
    assert_eq!(pointers, ["/promt", "/image_url", "/duration"]);
    assert!(error.to_string().contains("did you mean") && !error.is_money_at_stake(), "{error}");
    assert!(setup.sim.requests().is_empty() && setup.entries().is_empty());
}

#[tokio::test]
async fn a_model_that_is_not_compiled_in_is_checked_by_its_live_schema() {
    let schemas = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/other-model/schemas");
    let setup = Setup::with(Sim::builder().speed(500.0).schemas_dir(schemas).start().unwrap());
    let model = "wan-ai/wan-3.0/image-to-video".parse().unwrap();
    let mut input =
        serde_json::json!({ "image_url": "https://example.com/a.jpg", "prompt": "calm", "duration": 99 });
    let error = setup.client().run_json(&model, &input).await.unwrap_err();
    assert_eq!(error.violations().unwrap().iter().next().unwrap().pointer(), "/duration");
    assert_eq!(setup.posts(), 0);
    input["duration"] = 5.into();
    assert_eq!(setup.client().run_json(&model, &input).await.unwrap().urls().len(), 1);
}

#[test]
fn a_journal_that_cannot_be_opened_names_both_ways_out() {
    let (setup, folder) = (Setup::new(), tempdir().unwrap());
    let file = folder.path().join("file");
    fs::write(&file, "not a database, but long enough to be read as one").unwrap();
    let error = Client::builder().settings(setup.settings()).journal(&file).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    let text = error.to_string();
    assert!(text.contains("`journal`") && text.contains("`without_journal`"), "{text}");
    assert!(setup.sim.requests().is_empty());
}

#[tokio::test]
async fn an_error_says_whether_money_is_at_stake() {
    let setup = Setup::with(Sim::builder().manual_time().start().unwrap());
    let client = setup.client();
    setup.sim.answer_next(Call::Submit, Reply::error(400, 400_002, "insufficient"));
    let rejected = client.submit_unchecked(&model(), &input(), pending()).await.unwrap_err();
    assert_eq!((rejected.kind(), rejected.is_money_at_stake()), (ErrorKind::InsufficientBalance, false));
    let job = client.submit_json(&model(), &input()).await.unwrap();
    let late = job.wait().timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!((late.kind(), late.is_money_at_stake()), (ErrorKind::Deadline, true));
    assert_eq!(late.request_id(), Some(job.id()));
    job.cancel().await.unwrap();
    let cancelled = job.await.unwrap_err();
    assert_eq!((cancelled.kind(), cancelled.is_money_at_stake()), (ErrorKind::JobCancelled, false));
}
