//! One POST through one Rust peer, in its default configuration: `rust-peers PEER BASE`.

use object_store::aws::AmazonS3Builder;
use object_store::{ObjectStoreExt, path::Path};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (peer, base) = (&*arguments[1], &*arguments[2]);
    let ended = match peer {
        "octocrab" => octocrab_post(base).await,
        _ => object_store_post(base).await,
    };
    if let Err(error) = ended {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

async fn octocrab_post(base: &str) -> Result<(), Box<dyn std::error::Error>> {
    let client = octocrab::Octocrab::builder().base_uri(base)?.personal_token("key").build()?;
    let _: serde_json::Value = client.post("/jobs", Some(&serde_json::json!({"prompt": "p"}))).await?;
    Ok(())
}

/// `POST ?uploads`, harmless there: the rule by which it is sent again is what is looked at.
async fn object_store_post(base: &str) -> Result<(), Box<dyn std::error::Error>> {
    let store = AmazonS3Builder::new()
        .with_bucket_name("bucket")
        .with_endpoint(base)
        .with_allow_http(true)
        .with_access_key_id("key")
        .with_secret_access_key("secret")
        .build()?;
    store.put_multipart(&Path::from("file")).await?;
    Ok(())
}
