//! Transfers of certificates to other accounts.

use serde::{Deserialize, Serialize};
use serde_json::json;
use trackway_registry::certificates::transfer;
use trackway_registry::record::Transfer;

use super::super::older_lists::Paging;
use super::{OfCertificate, arn, part};
use crate::Caller;
use crate::answer::{Epoch, nothing, write};
use crate::iot::{Answer, Iot};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
    certificate_id: String,
    target_aws_account: String,
    transfer_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accept {
    certificate_id: String,
    #[serde(default)]
    set_as_active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reject {
    certificate_id: String,
    reject_reason: Option<String>,
}

/// `TransferData`: empty for a certificate that was never offered.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reject_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_date: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept_date: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reject_date: Option<Epoch>,
}

impl<'a> Data<'a> {
    pub(super) fn of(transfer: Option<&'a Transfer>) -> Self {
        transfer.map_or_else(Self::default, |transfer| Self {
            transfer_message: transfer.message.as_deref(),
            reject_reason: transfer.reject_reason.as_deref(),
            transfer_date: Some(Epoch(transfer.date)),
            accept_date: transfer.accepted.map(Epoch),
            reject_date: transfer.rejected.map(Epoch),
        })
    }
}

/// `OutgoingCertificate`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outgoing {
    certificate_arn: String,
    certificate_id: String,
    transferred_to: String,
    transfer_date: Epoch,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_message: Option<String>,
    creation_date: Epoch,
}

impl Iot {
    pub(super) async fn transfer_certificate(&self, caller: &Caller, request: Offer) -> Answer {
        let Offer { certificate_id: id, target_aws_account: target, .. } = &request;
        let message = request.transfer_message.as_deref();
        let there = self
            .change(caller, |mut txn| async move {
                let there = transfer::offer(&mut txn, id, target, message).await?;
                Ok((txn, there))
            })
            .await?;
        write(&json!({ "transferredCertificateArn": there }))
    }

    pub(super) async fn accept_transfer(&self, caller: &Caller, request: Accept) -> Answer {
        let Accept { certificate_id: id, set_as_active: is_active } = &request;
        self.change(caller, |mut txn| async move {
            transfer::accept(&mut txn, id, *is_active).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    pub(super) async fn reject_transfer(&self, caller: &Caller, request: Reject) -> Answer {
        let Reject { certificate_id: id, reject_reason: reason } = &request;
        self.change(caller, |mut txn| async move {
            transfer::reject(&mut txn, id, reason.as_deref()).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    pub(super) async fn cancel_transfer(&self, caller: &Caller, request: OfCertificate) -> Answer {
        let id = &request.certificate_id;
        self.change(caller, |mut txn| async move {
            transfer::cancel(&mut txn, id).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    pub(super) async fn list_outgoing(&self, caller: &Caller, paging: Paging) -> Answer {
        let list = ["ListOutgoingCertificates"];
        let place = self.place_by_date(caller, &list, &paging)?;
        let part = part(&paging, place.as_deref());
        let page = transfer::list(&self.registry, &caller.scope, part).await?;
        let rows = page.items.into_iter().map(|(id, row)| {
            // The certificate is in the other account already, and so is its ARN.
            let there = Caller::new(&row.to, &caller.region);
            Outgoing {
                certificate_arn: arn(&there, &id.text()),
                certificate_id: id.text(),
                transferred_to: row.to,
                transfer_date: Epoch(row.date),
                transfer_message: row.message,
                creation_date: Epoch(row.created),
            }
        });
        let rows = rows.collect::<Vec<_>>();
        self.page_by_date(
            caller,
            &list,
            &paging,
            page.next,
            json!({ "outgoingCertificates": rows }),
        )
    }
}
